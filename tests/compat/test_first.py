"""
test_first.py - after a kill booklet opens the file before us

BLT_CRASH is the crash explorer, BLT_FIRST_STATES how many states it writes, of
each of BLT_FIRST_PLANS, or of all together; first.py says what is right.
Repeated with BLT_SEED.
"""
import os
import subprocess
import unittest

import first
import support
from support import CompatCase, needs_library

CRASH = os.environ.get("BLT_CRASH")
PLANS = os.environ.get("BLT_FIRST_PLANS", "").split()
N_STATES = int(os.environ.get("BLT_FIRST_STATES") or 60)


@needs_library
@unittest.skipUnless(CRASH, "BLT_CRASH is not set")
class BookletFirst(CompatCase):
    def test_nothing_acknowledged_is_lost_when_booklet_opens_first(self):
        self.try_model("kill")

    def test_what_was_durable_is_found_by_booklet_after_a_power_cut(self):
        self.try_model("power")

    def try_model(self, model):
        for plan in PLANS or [None]:
            # Of these there are no power cuts (tests/crash/campaign.c).
            if model == "kill" or not (plan or "").startswith("parts"):
                self.try_plan(model, ["--only", plan] if plan else [])

    def try_plan(self, model, more):
        subprocess.run([CRASH, "--to", self.folder, "--states", str(N_STATES),
                        "--seed", str(support.SEED), "--model", model] + more,
                       check=True, stdout=subprocess.DEVNULL)
        counts, wrong = first.try_states(
            self.folder, first.read_states(self.folder), support.SEED)
        for name, n in sorted(counts.items()):
            print("%s: %d" % (name, n))
        self.assertGreaterEqual(counts["states"], N_STATES)
        if wrong:
            self.fail("%d of %d states, the first ones:\n%s" % (
                len(wrong), counts["states"], "\n".join(wrong[:1000])))


if __name__ == "__main__":
    unittest.main()
