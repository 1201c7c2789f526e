"""The core: the rules of minting, rotating and retiring keys. It knows no Pulumi, no HTTP and no Vault."""
