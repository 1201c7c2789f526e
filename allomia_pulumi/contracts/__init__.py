"""What core and edges share: protocols and value types."""
