// Organization API keys of AlloMia: minted, rotated and revoked without losing a secret.
package allomia
