"""What every architecture of the libraries becomes, one row a family, from random weights."""
