"""`Organization`: a clinic's organization at AlloMia, declared by a program."""
