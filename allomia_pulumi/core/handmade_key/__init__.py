"""`DashboardApiKey`: a key that a person makes in AlloMia's dashboard and writes to Vault."""
