"""What `allomia doctor` looks at, a module for each subject; each gives steps, and `running` takes them."""
