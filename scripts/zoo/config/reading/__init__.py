"""Files of configuration: read, checked against the schema, put together."""
