"""The charts of the page, as plotly reads them."""
