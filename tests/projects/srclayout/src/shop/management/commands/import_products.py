"""Products from a CSV file, as the till wrote them for years. The script became a command and kept its own reading of words."""

import csv
from decimal import Decimal
from pathlib import Path

from django.core.management.base import BaseCommand
from docopt import docopt

from shop.models import Product

USAGE = """Import products: two columns, name and price.

Usage:
  import_products [--separator=CHARACTER] FILE

Options:
  --separator=CHARACTER  What stands between the columns [default: ;].
"""


class Command(BaseCommand):
    help = "Import products from a CSV file."

    def run_from_argv(self, argv):
        self.execute(words=argv[2:])

    def execute(self, *args, words=(), **options):
        given = docopt(USAGE, argv=list(words))
        with Path(given["FILE"]).open(newline="") as rows:
            for name, price in csv.reader(rows, delimiter=given["--separator"]):
                Product.objects.update_or_create(name=name, defaults={"price": Decimal(price)})
