"""What runs in a provider process: Pulumi's protocol, translated to the core and back."""
