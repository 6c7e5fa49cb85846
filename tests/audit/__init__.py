"""What auditors find on a web host and a database host: ``make audit``."""
