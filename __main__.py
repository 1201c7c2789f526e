"""Start of the plugin from a checkout: Pulumi runs it in the environment that it made beside this file.

It runs the sources that lie here, so that a pull needs no new installation unless a dependency has changed.
"""

from allomia_pulumi.provider.plugin import main

if __name__ == "__main__":
    main()
