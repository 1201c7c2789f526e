"""`make load`: many declared keys against a sandbox that fails at random, on the real engine, through both faces."""
