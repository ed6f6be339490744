"""All records as one page, one table and remarks in words."""
