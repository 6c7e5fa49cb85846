"""How a release is built, staged and made live."""
