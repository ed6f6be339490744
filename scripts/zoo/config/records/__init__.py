"""What a build writes down and later jobs read: a class a record, with a version, checked when it is read."""
