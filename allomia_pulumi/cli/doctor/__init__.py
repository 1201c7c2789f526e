"""Checks of `allomia doctor`, a module for each subject; each gives steps, and `steps.run_steps` runs them."""
