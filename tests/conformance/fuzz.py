"""Runs Autobahn's fuzzing client by the specification in the file that is given.

Run by the Python of the environment that the suite is installed in; run.py does that.
"""

import json
import sys
import warnings

warnings.simplefilter("ignore")

from autobahntestsuite import fuzzing  # noqa: E402
from twisted.internet import reactor  # noqa: E402

with open(sys.argv[1], encoding="utf-8") as file:
    fuzzing.startClient(json.load(file))
reactor.run()
