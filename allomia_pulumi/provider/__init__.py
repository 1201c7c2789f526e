"""Provider processes: Pulumi's protocol, translated to the core and back."""
