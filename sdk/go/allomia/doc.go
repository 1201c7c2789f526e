// AlloMia's organizations, and their API keys: minted and rotated without losing a secret.
package allomia
