"""Start of the plugin for whoever runs the package: Pulumi does it when it is given our sources."""

from allomia_pulumi.provider.plugin import main

if __name__ == "__main__":
    main()
