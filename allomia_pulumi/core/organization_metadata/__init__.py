"""`OrganizationMetadata`: external information about an organization, written and never read."""
