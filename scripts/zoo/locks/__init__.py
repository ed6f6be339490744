"""What a search chose, kept in a file that is committed, and the int8 files made of it again."""
