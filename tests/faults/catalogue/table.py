"""The fault catalogue: what goes wrong, and what holds all the same.

A test joins a row by `@pytest.mark.catalogue(row)`. `docs/explanation/faults.md` is this table with the tests of each
row; `python -m tests.faults.catalogue.page` writes it.
"""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """One fault, in two sentences."""

    situation: str
    promise: str


ROWS: dict[int, Row] = {
    1: Row(
        "The provider is killed between AlloMia's answer and the write to Vault",
        "The key carries our mark; the next run and `allomia orphans` name it, and `--revoke` removes it (G1)",
    ),
    2: Row(
        "The provider is killed after the write to Vault, before its answer",
        "The secret in Vault is recognised as ours by its mark and written over by the next key; the lost key is named",
    ),
    3: Row(
        "The provider is killed before the request leaves",
        "Nothing is alive and nothing is left; the next run makes the key",
    ),
    4: Row(
        "Ctrl-C once during a creation",
        "The call runs to its end and the key is recorded",
    ),
    5: Row(
        "Ctrl-C twice",
        "As 1 or 2: a key that no state knows is named (G1)",
    ),
    6: Row(
        "The engine drops the call, or dies during it",
        "The step finishes, and a key that nobody will record is revoked",
    ),
    7: Row(
        "Cancel while a request waits to be repeated",
        "Nobody waits on, and nothing new is sent",
    ),
    8: Row(
        "Cancel during a mint",
        "The key is handed over, or its lost answer is settled; never half of it",
    ),
    9: Row(
        "AlloMia makes the key, and the answer is lost",
        "No blind repetition: the list settles it, the key of unknown value is revoked, one new key works (G1, G2)",
    ),
    10: Row(
        "The request is given up, and AlloMia carries it out later",
        "One more list after the success revokes the late key, or an error names it",
    ),
    11: Row(
        "No connection: refused, unknown host, a certificate that does not hold",
        "Nothing was sent, so nothing was made; a warning in the preview, an error in the run",
    ),
    12: Row(
        "429 with `Retry-After` in seconds",
        "Waited for, within the request's total time; only a 429 is followed by another POST",
    ),
    13: Row(
        "429 with a date, a past date, a negative or huge number, garbage, or nothing",
        "Read or ignored, never slept beyond the budget",
    ),
    14: Row(
        "429 for many resources at once",
        "All requests of the process wait together, one asks first for all, and nothing is lost",
    ),
    15: Row(
        "500, 502 or 503 for a while, to a read",
        "Repeated, with growing pauses",
    ),
    16: Row(
        "The same to a mint",
        "Settled from the list before any second POST",
    ),
    17: Row(
        "503 for ever",
        "Ends in time, says so, and changes no state",
    ),
    18: Row(
        "An answer that drips, byte after byte",
        "One deadline for the whole exchange ends it",
    ),
    19: Row(
        "A mint's answer that is cut, or mixed up with another",
        "As 9; no body in any message",
    ),
    20: Row(
        "A list's answer that is cut",
        "Never read as an empty list (G4)",
    ),
    21: Row(
        "A web page instead of an answer",
        "Not believed, not repeated as a success; Vault's side as well",
    ),
    22: Row(
        "JSON of another shape: wrong types, hostile ids, names and moments, endless pages, a null or unusable key",
        "An error of ours; unknown fields are ignored; nothing hostile reaches a message, a path or a command raw",
    ),
    23: Row(
        "Lies about encoding and length, a byte order mark, names that occur twice, 100 MB, headers without end",
        "A cap on bodies and heads, a typed error, little memory",
    ),
    24: Row(
        "A redirect: elsewhere, to itself, to another scheme",
        "Never followed, so no credential goes anywhere",
    ),
    25: Row(
        "401 from the start",
        "Fails and names the place that the tenant key came from",
    ),
    26: Row(
        "401 in the middle of a run",
        "What was made is in state, the rest fails cleanly, and the next run completes it",
    ),
    27: Row(
        "403 to one kind of request only",
        "Says which, and never means an empty list",
    ),
    28: Row(
        "404 to a read",
        "Dropped on proof only: the list, the key itself and the organization agree (G4)",
    ),
    29: Row(
        "An empty list where keys exist",
        "No proof while the key answers; read again when the total disagrees",
    ),
    30: Row(
        "409 to a mint",
        "The list, not the code, tells whether the organization is full; otherwise the refusal stays what it is; "
        "labels need not be unique: the nonce in the mark makes each name one of a kind",
    ),
    31: Row(
        "Clocks that differ, odd dates, another time zone",
        "AlloMia's own clock decides about an end; every moment is UTC; no loop of early rotations",
    ),
    32: Row(
        "A key falls due during a run",
        "The moment of the diff counts; the next preview shows it",
    ),
    33: Row(
        "Two stacks race for the last slot",
        "One key is made; the loser is told which keys hold the slots",
    ),
    34: Row(
        "Ten creations, five slots",
        "Five keys in state, five clean errors, no orphan",
    ),
    35: Row(
        "A rotation in an organization that is (nearly) full",
        "It waits with a warning, and runs take turns; nothing wedges",
    ),
    36: Row(
        "The same stack twice at once, past the lock",
        "Check-and-set lets one writer win; a key that lost is revoked or named by its mark",
    ),
    37: Row(
        "Vault is sealed from the start",
        "Nothing is minted; the preflight says so",
    ),
    38: Row(
        "Vault is sealed between mint and write",
        "Repeated a while; then the key is revoked, or kept in state and delivered by the next run (G2)",
    ),
    39: Row(
        "Vault answers a write by 403, 400, 412, 429 or from a standby",
        "As 38; the hint has the policy line to add",
    ),
    40: Row(
        "Vault's answer to a write is lost",
        "One version, known by its metadata; or an error that says that the outcome is open",
    ),
    41: Row(
        "Somebody else's data stand where the key is to go",
        "Never overwritten; the key is revoked or kept, and the conflict is told; a destroy takes our part only",
    ),
    42: Row(
        "Vault's token ends in the middle",
        "One new login where there is one to make; else as 38",
    ),
    43: Row(
        "A version under a living key is deleted or destroyed",
        "Refresh tells the drift, and `up` writes the key again or rotates it",
    ),
    44: Row(
        "A KV v1 mount, a wrong mount, a missing, wrong or ignored namespace, a path that climbs",
        "Refused by the preflight, before a login where Vault ignores namespaces; nothing is written",
    ),
    45: Row(
        "The revocation that would compensate fails too",
        "The key is kept by name in state, or an error has the command that removes it (G2)",
    ),
    46: Row(
        "A half-done creation, then `up`, `refresh` or `destroy`",
        "Each ends with one key or none",
    ),
    47: Row(
        "A deletion is answered by 404, 409, 5xx, or not at all",
        "404 counts with the proof of row 28; the others keep the state; repeating is safe (G7)",
    ),
    48: Row(
        "The key is deleted, and clearing Vault fails",
        "The state stays, and a repeated delete clears the rest",
    ),
    49: Row(
        "A preview that does not know a name, an organization, triggers or the configuration",
        "No write, no slot, no rotation by what is unknown (G8)",
    ),
    50: Row(
        "Preview, `up`, `up` again, refresh",
        "The second run changes nothing and calls nobody (G6)",
    ),
    51: Row(
        "A credential is replaced in the configuration",
        "No key moves",
    ),
    52: Row(
        "The state of an older version",
        "Read and lifted; no replacement; no other version has been released: states of the future get a recorded one"
        " each",
    ),
    53: Row(
        "`pulumi import` by an id that is right, wrong or foreign",
        "Nothing is minted, nothing of the state changes on an error, no difference afterwards",
    ),
    54: Row(
        "Aliases, renames, forced replacements",
        "An alias and a rename keep the key; a replacement that the engine forces works; `protect` and "
        "`ignoreChanges` never reach the provider",
    ),
    55: Row(
        "Fifty keys at once through one cold client",
        "One login, one read, one list for each organization",
    ),
    56: Row(
        "A full disk, a folder that cannot be written, no home, no terminal, `LANG=C`",
        "The plugin serves, and stdout holds the port alone; only Pulumi's own SDK does not load without any place "
        "for a temporary file (its `dill` makes one)",
    ),
    57: Row(
        "A dependency prints",
        "It goes to stderr; the handshake is unaffected",
    ),
    58: Row(
        "Garbage, huge or deep gRPC input, unknown fields and methods",
        "A status, and a process that goes on serving",
    ),
    59: Row(
        "An SDK that does not fit the schema",
        "Generated, compared and compiled for each language",
    ),
    60: Row(
        "A secret in clear in any channel, through all of the above",
        "None is found, and one planted in each channel is (G3)",
    ),
    61: Row(
        "Another AlloMia is asked: `allomia:apiUrl` moved to another environment, or to a sandbox on another port",
        "Its silence proves nothing: refresh, update and delete are errors that name both, and the key stays (G4)",
    ),
    62: Row(
        "The engine repeats a create, update or delete, with the outputs from before a failure",
        "It goes on from what the call before left; nothing is made twice, nothing that is due is forgotten (G1, G2)",
    ),
    63: Row(
        "Each run loses the record of the key that it made",
        "After two such keys no further one is made; the error names both, and what to do (G1)",
    ),
    64: Row(
        "A key is taken over that carries another declared key's mark, or the engine dies while one is taken over",
        "Destroy leaves it and names it; nothing revokes what this operation did not make (G1)",
    ),
    65: Row(
        "A well-formed answer to a mint that cannot be true: the tenant key or another organization's as the key, a "
        "secret in id or name, an id from before or given twice, another key's answer",
        "Never handed over, never tried again: what AlloMia shows with the mark of the attempt is revoked, and what "
        "was only answered is named and not touched (G1, G2, G3)",
    ),
    66: Row(
        'A 2xx to a deletion that does not name the key, or names another: `{}`, `{"error"}`, 202, 204, a page',
        "Only a 200 that names the key is believed; otherwise the key's own 404 proves it within about 10 seconds, or"
        " an error says that it may be alive (G4, G7)",
    ),
    67: Row(
        "The state backend refuses the write after a mint: expired credentials, a full disk",
        "Two keys are lost at most; the next run and `allomia orphans` name them, and one run recovers (G1, G2)",
    ),
    68: Row(
        "A resource is renamed, re-parented, moved to another stack or project, given an owner, or its stack copied",
        "The next run records who it is, in place; later keys and Vault carry today's mark; no stack ends them (G1)",
    ),
    69: Row(
        "Vault refuses its token, or fails, while the versions of a key made by hand are looked at",
        "It is Vault's refusal and not AlloMia's: no old key is forgotten, the current one is not called revoked, and"
        " a version that no run could read is remembered without its fingerprint (G4)",
    ),
    70: Row(
        "Two resources of one secret share a Pulumi id",
        "What the process remembers of one, such as a refresh, is never taken for the other's",
    ),
    71: Row(
        "The overlap of a key made by hand is over, and AlloMia still accepts the old key",
        "An `up` says so from the record, changes nothing and uses no old key; a refresh uses it once (G6)",
    ),
    72: Row(
        "An `OrganizationApiKey` adopts the very key that a `DashboardApiKey` of the same run leaves",
        "Nobody is told to delete it; where that cannot be known, the advice excepts a key that was adopted",
    ),
    73: Row(
        "A company proxy in the environment (`https_proxy`) without `no_proxy`",
        "The provider speaks to its engine directly, and takes an engine that it never reached for no dead one; a "
        "Python program's own SDK does not, so the pages ask for `no_proxy`",
    ),
    74: Row(
        "A signal at any line that the plugin's main thread runs, also where it holds a lock",
        "The handler takes no lock; the process ends, with its calls brought to their end",
    ),
    75: Row(
        "Another user of the machine configures the running plugin anew, or attaches to it",
        "Refused: the tenant key goes nowhere else (G3)",
    ),
    76: Row(
        "Many threads need Vault for the first time, on a Python whose `cached_property` has no lock (3.12 and later)",
        "One login for both kinds of keys, and its token is revoked at the end (G3)",
    ),
    77: Row(
        "A list without end, or an answer of a few MiB that becomes gigabytes when it is read (`[{},{},...]`)",
        "One error, with less than 100 MB more than the process had (measured: 24 MB)",
    ),
    78: Row(
        "This machine names certificates that are not there or none, or a proxy that nothing here speaks to",
        "An error of this machine that names the variable, not one of Vault or AlloMia; nothing is sent (G5)",
    ),
    79: Row(
        "`NO_PROXY` with networks, `host:port` or wildcards, and `ALL_PROXY`",
        "The same for AlloMia and for Vault; a proxy gets a tunnel and no credential (G3)",
    ),
    80: Row(
        "A file beside `__main__.py` with the name of a module, such as `secrets.py` or `httpx.py`",
        "It stands for none of the modules that this package needs; one that was imported in place of such a module "
        "before is an error that names the file (G5)",
    ),
    81: Row(
        "A host that libraries read differently: other letters, `%2e`, a backslash, a zone, an underscore",
        "Refused unseen, for AlloMia and for Vault (G3, G5)",
    ),
    82: Row(
        "Vault by plain http inside a cluster",
        "Refused, unless `allomia:vault.allowPlainHttp` lets it; then each run warns (G3)",
    ),
    83: Row(
        "A key in AlloMia's list with half a character, a number or null as its name, or with a slash in its id",
        "It counts as made by hand, holds its slot under a stand-in, is never touched, and blocks nothing (G4)",
    ),
    84: Row(
        "A terminal that shows ASCII only",
        "Commands show the closest characters, and end as ever (G5)",
    ),
    85: Row(
        "A secret in a key's or an organization's name",
        "No command, function or document shows it (G3)",
    ),
    86: Row(
        "A fault of ours: an unexpected exception after a mint, after a rotation, or between a request and its answer",
        "The new key stays in the state, or is revoked, or an error names it; nobody else is blamed (G1, G2)",
    ),
    87: Row(
        "A newer Python, or a dependency at the oldest version that is declared",
        "Unit and contract tests pass on both (`make test-pythons`, `make test-floors`); what is imported is declared",
    ),
    88: Row(
        "The Vault is HashiCorp's and not OpenBao",
        "The same tests hold it (`ALLOMIA_TEST_VAULT`); only the Enterprise edition's namespaces are left out of the "
        "community edition's run, with a word",
    ),
    89: Row(
        "An organization in AlloMia's list with half a character, a number or null as its name or id, or with a slash "
        "in its id",
        "Under an odd name it is looked at like any other; one with an odd id is left out with one warning that counts "
        "them, and blocks nothing; its organization is not called gone (G4)",
    ),
    90: Row(
        "A preview meets what would end `pulumi up`: an organization that the tenant's list lacks, a refused tenant "
        "key, missing key endpoints, a field that a secret lacks",
        "An error in the preview; what the program may still make, what another credential may see and what may pass "
        "is one warning a cause, and a key that does not change asks nothing (G6)",
    ),
    91: Row(
        "A 404 that is not in AlloMia's shape: a wrong `apiUrl`, a proxy, a path that AlloMia does not serve",
        "The address is blamed and no organization; where the organization itself answers, key endpoints are missing "
        "(G4)",
    ),
    92: Row(
        "A path in Vault as the API has it, `data/…`, in an object or a reference",
        "The message says to leave it out, after a denial too; nothing is refused that may be meant",
    ),
    93: Row(
        "A resource's name that cannot be a label as it is: too long, or with unprintable characters",
        "It is cleaned and cut, and the check of the new key says to what",
    ),
    94: Row(
        "A value of the namespace `allomia:` that is no setting, such as `allomia:apiURL` or `allomia:tenantkeyref`",
        "One warning a run, with the name that is likeliest meant; a project of that name keeps its own values there",
    ),
    95: Row(
        "A message that names an input",
        "It spells it as the caller does: `rotate_after` in Python, `rotateAfter` elsewhere, and options as options",
    ),
    96: Row(
        "Vault's token lies in `~/.vault-token`, and files of settings are named with `~`",
        "Found after the variables, with their source named; the home is that of the environment (G3)",
    ),
    97: Row(
        "Keys end: a destroy, a replacement, a predecessor whose overlap is over",
        "Each key that was revoked is named with its organization; one that was gone already is called so",
    ),
    98: Row(
        "An allomia provider among the options, or handed on by a parent, of a class of the dynamic face",
        "One line names the class of the plugin's face to use; nothing is made for another tenant (G5)",
    ),
    99: Row(
        "The Python that `pulumi import` prints, pasted as it is",
        "It runs, and the next `pulumi up` plans nothing; the import says which class must not be used instead (G1)",
    ),
    100: Row(
        "A hint that says how to install something",
        "It installs this copy from where it came; no index is named, where a stranger may own the name (G5)",
    ),
    101: Row(
        "The answer to the creation of an organization is ambiguous: lost before or after it was made, cut, 500, a web "
        "page, garbage, or about another organization or tenant",
        "One POST and never a second one in that run: the list tells for half a minute, and only one new organization "
        "with all the fields that were sent is taken; the next run starts from the list (G1)",
    ),
    102: Row(
        "A neighbour makes an organization of the same name while the answer to ours is lost",
        "With equal fields beside ours, or with other fields, none is taken and the error names what is there (G1)",
    ),
    103: Row(
        "An active organization has the name and the e-mail address of a new one; a forced replacement ends here too",
        "An error in the preview and before the POST that says how to take it over; `duplicateOf` names those that are "
        "meant, a deactivated one is a warning, and creates of one name follow one another (G1)",
    ),
    104: Row(
        "The engine is gone when an organization has been made",
        "It is never deactivated; a line names its id and how the next run takes it over",
    ),
    105: Row(
        "An organization is removed from the program, or its stack destroyed",
        "It is forgotten with a line and nothing is asked of AlloMia, unless the state, and not only the program, says "
        "`deactivateOnDestroy`",
    ),
    106: Row(
        "An organization that is to be deactivated has living keys, or nobody can tell",
        "Living keys are an error that names them; missing key endpoints are a warning, any other doubt an error",
    ),
    107: Row(
        "The answer to a deactivation is lost, unclear or about another organization",
        "The organization itself is read: deactivated is done, still active is an error, and so is what nothing tells "
        "(G4, G7)",
    ),
    108: Row(
        "Two records have one organization: a forced replacement with `adopt`, or two resources",
        "The end of one deactivates nothing in a run that has the other; with `--target` it may, and a warning says so",
    ),
    109: Row(
        "An organization is changed outside of Pulumi",
        "A refresh shows it field by field; an update keeps what only AlloMia changed, gives what both changed the "
        "program's value, and names both; a PUT carries all fields",
    ),
    110: Row(
        "An organization is deactivated or gone outside of Pulumi",
        "Deactivated: kept with a warning, never made again, and nothing is written to it; gone: an error that keeps "
        "the state and names `pulumi state delete` (G4)",
    ),
    111: Row(
        "A field of an organization that is missing, no text, or has control characters or half a character",
        "The check refuses it, all at once and a line each, without its value; nothing is trimmed or filled in (G5)",
    ),
    112: Row(
        "A refresh of an organization meets 401, 403, 404, 500, or another tenant than the state has",
        "An error, and the state keeps it; only where the list lacks it too is `pulumi state delete` named (G4)",
    ),
    113: Row(
        "A stack holds organizations beside keys or nothing else, and the command line asks about keys",
        "An organization is passed over: it is no key, no orphan, and makes no key doubtful; `allomia doctor` names "
        "one that the tenant key does not see",
    ),
    114: Row(
        "A time zone that AlloMia does not document, or that is none",
        "Another zone warns, and AlloMia decides; what is none is refused with the nearest one",
    ),
    121: Row(
        "The list that would settle a lost answer to a creation shows the new organization late, too late, or fails",
        "It is asked for half a minute; too late is an error, and the next run, whose list has it, names it and makes "
        "no other one (G1)",
    ),
    122: Row(
        "The answer to an update of an organization is lost, cut, 500, a web page, garbage or about another one",
        "One GET tells whether it holds; what does not hold is recorded nowhere, and the next run writes it",
    ),
    123: Row(
        "A run is struck before or after a write of an organization: provider or CLI killed, Ctrl-C once or twice, the "
        "answer lost, the state backend refuses",
        "Never two organizations of one declaration, none is deactivated that nobody asked for, and one that no state "
        "has is named by the next run (G1, G4)",
    ),
    124: Row(
        "AlloMia refuses an organization's metadata: no record yet, its schema, a hidden organization",
        "Each is said as what it is, AlloMia's detail scrubbed and bounded; nothing is recorded (G3)",
    ),
    125: Row(
        "The answer to a write of metadata, which nobody can read, is lost",
        "The same object is sent once more; if that is lost too, the error says so, and the next run writes it again",
    ),
    126: Row(
        "A bulk-import file where one is already, or where a link or a full disk is in the way",
        "Nothing is overwritten, no link is followed, and of a file that cannot be written whole nothing stays",
    ),
    127: Row(
        "Hundreds of clinics to import, some of one name, some without a Latin letter, some as the stack's resources",
        "Each has a valid name of its own, made of what AlloMia calls it and, where that is shared, of its id",
    ),
    128: Row(
        "Bulk-import of what a stack declares, may be making or does not see, of what is deactivated, of others' keys",
        "Left out, with a line that says why and the way out; what would import nothing is an error and no file",
    ),
    129: Row(
        "A file of clinics with a bad row, or cut off to nothing",
        "The example's program says a line for each mistake and declares nothing, so no key of a clinic ends",
    ),
    137: Row(
        "Something forces the replacement of an organization that a removal would deactivate: also deleted before it "
        "is replaced, adopted, renamed in the same run, or while AlloMia's list is not to be had",
        "It is refused before anything is ended; one that is taken over again, or has a successor already, is only "
        "forgotten, with a line",
    ),
    138: Row(
        "A key is deleted before its successor is made, and the successor cannot be made: no slot, no place in Vault, "
        "no valid tenant key",
        "The key is not revoked, and the error says why (G1)",
    ),
    139: Row(
        "AlloMia's answer about an organization leaves a field out, or has no text for it",
        "An update sends it as last known, so that no PUT clears it, and says so; what an answer to a write left out "
        "is no drift",
    ),
    140: Row(
        "Metadata with a whole number that has more digits than Pulumi's protocol carries",
        "The check refuses it: another number would be written",
    ),
    141: Row(
        "AlloMia's refusal of metadata repeats the values that were sent, which may be secrets of the program's",
        "The error names the place of each value instead (G3)",
    ),
    142: Row(
        "A program keeps fields of an organization secret",
        "None stands in clear in a state or on the console: what the record has of fields is a secret output (G3)",
    ),
    143: Row(
        "A checkout is given to `pulumi package add`, from a path with a space, and no plugin is named or on PATH",
        "Preview, update, refresh and destroy use the folder's plugin; nothing but its `venv` is left in the checkout",
    ),
    144: Row(
        "The checkout was moved after `pulumi package add`",
        "The run ends before anything is sent and names the missing folder; the new path in `Pulumi.yaml` is enough",
    ),
    145: Row(
        "The sources of an added checkout have changed, to another version than the project's SDK or to broken ones",
        "The sources that lie there are run, never a stale copy; what a start that fails has printed is shown",
    ),
    146: Row(
        "Pulumi is killed while the plugin of a checkout makes a key; the language host then kills the plugin at once",
        "No process is left; the key that no state knows is named by the next run (G1)",
    ),
    147: Row(
        "Two places of a release say different versions: code, schema, an SDK, the changelog, an artefact, the tag",
        "Nothing is built, and the error names both places",
    ),
    148: Row(
        "A release is built in another folder, time zone, locale and umask, or where files lie that no commit has",
        "It is the same byte for byte; only committed files go in, and `make release` refuses a tree that has others",
    ),
    149: Row(
        "An artefact was changed or cut off after it was built",
        "Its digest is refused before anything is published; the CLI installs no part of an archive that was cut off",
    ),
    150: Row(
        "The plugin is not installed, or only in another version than an SDK asks for",
        "Nothing is fetched by its name where that is switched off, and the error says which version is missing",
    ),
    151: Row(
        "Organizations and keys are made and ended between two pages of a listing",
        "What stays is shown once: a page goes on after the last ids, in an order that no change disturbs",
    ),
    152: Row(
        "A listing is to go on by a token that is cut, forged, or of another listing",
        "One clear error before anything is asked; a token holds ids and nothing else (G3, G5)",
    ),
    153: Row(
        "A list fails, or its pages and its total disagree, in the middle of a listing",
        "An error, and nothing is shown: no part of a listing is told as the whole (G5)",
    ),
    154: Row(
        "An older version refreshes or updates what a newer one wrote, with outputs or record fields that it does not "
        "know",
        "They are carried along as they are, outputs as secrets since they may be one; none makes a difference (G3, "
        "G4)",
    ),
    155: Row(
        "A state has a newer stateVersion than the package reads, or one that nobody ever wrote",
        "Every operation refuses it in one line before anything is asked; the command line calls no key of the stack "
        "an orphan (G4)",
    ),
    156: Row(
        "A newer version meets what an older one left half-way: a key that Vault did not take, a failed creation, a "
        "replacement whose old key lives, a rotation or an organization whose record was lost",
        "The next run completes it with as many living keys and organizations as are declared, and names every other "
        "one (G1)",
    ),
    160: Row(
        "A job of the release's run, or what it depends on, puts another file beside the files that were built",
        "Each job that publishes takes the files of the build by their digests, and ends if there is one more",
    ),
    161: Row(
        "A tag holds commands, or the plugin's address holds the engine's own variables",
        "make and the shell pass both on as they are: nothing runs, and the address keeps its variables",
    ),
    162: Row(
        "A newer version wrote an organization of the stack, or a kind of resource that this one does not know, and no "
        "record of a key",
        "`allomia orphans` calls no key of the stack an orphan, as its warning says (G1)",
    ),
    163: Row(
        "A record has a part that this version does not know in an identity or in a place in Vault, where it knows all",
        "It is refused as one that a newer version may have written, and nothing is dropped (G4)",
    ),
    164: Row(
        "The environment of a checkout's plugin is of another Python, or its installation was interrupted",
        "One line that says which package does not load, and how the environment is made anew (G5)",
    ),
    165: Row(
        "Keys are to be imported into a stack of which a newer version wrote a part",
        "The file leaves out every key that no record shows: a record of the newer version may have it (G1)",
    ),
    166: Row(
        "PYTHONPATH has modules with the names of those that a checkout's plugin needs",
        "The plugin takes its own: the folders of PYTHONPATH come last",
    ),
}
