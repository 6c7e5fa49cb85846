"""What the pages say; the tests make other releases by changing it."""

GREETING = "first"
