"""Word lists for reading English technical prose without a model."""

NOT_SUBJECT = frozenset(
    """
    two three four five six seven eight nine ten several few
    this that these those it its they them their there here you your we our i he she his which what who whose if
    when while whenever once to for as in on at by with from each every all some any most many such both either
    another other others one note see however also then thus hence so but and or because since although after
    before during without within under make let just only please not no nor yes currently finally first next now
    instead therefore moreover furthermore additionally indeed although though where how why up set use run sometimes
    often usually generally typically normally whereas unlike like per besides except rather according due despite
    along among across upon regardless
    """.split()  # noqa: SIM905
)
"""Words that a subject never begins with."""
NOT_FIRST = NOT_SUBJECT | {"port", "error", "press", "query", "files", "passwords", "messages", "settings", "data"}
"""And words with which the known sentences about something else begin."""
VERBS = frozenset(
    """
    accelerates accepts achieves activates adapts adds adjusts allows analyses analyzes appears applies archives
    asks assigns avoids belongs boosts bridges builds bundles caches calculates calls catches changes checks
    chooses cleans closes collects combines compares compiles compresses computes configures connects consists
    contains continues controls converts copies counts covers creates cuts decides decodes defines delays
    deletes delivers demonstrates denotes depends describes detects determines disables discards displays
    distributes divides downloads drops eliminates employs enables encodes encrypts encourages enforces enhances
    ensures evaluates examines executes expects explains exports exposes extends extracts facilitates fails
    fetches fills filters finds finishes fits fixes follows forces formats forwards generates gets gives grants
    groups guarantees guides handles helps hides holds ignores implements imports improves includes increases
    indicates inherits initializes inserts inspects installs integrates introduces involves joins keeps labels
    launches lets limits links listens lists loads locks logs lowers maintains makes manages maps marks masks
    matches means measures merges migrates minimizes mirrors mixes monitors moves names needs notifies offers
    omits opens operates optimizes orders outputs overrides overwrites parses passes pauses performs permits
    picks points polls prepares presents preserves prevents prints processes produces protects provides
    publishes pulls pushes raises ranks reaches reads receives recognises recognizes records redirects reduces
    refers refreshes refuses registers rejects releases reloads removes renames renders repairs repeats replaces
    replays replies reports represents requests requires reserves resets resolves responds restarts restores
    restricts results resumes retains retries returns rotates routes runs samples saves scales scans schedules
    scores searches selects sends separates serves sets shares ships showcases shows signals signs simplifies
    skips sleeps solves sorts specifies splits stands starts states stays stops stores streams submits suits
    supports suspends switches synchronises takes tells tests throws tracks trains transfers transforms
    transforms translates treats triggers trims truncates tries turns unloads unlocks updates upgrades uploads
    appends assumes behaves bypasses copies dumps echoes emits emulates escapes estimates exits forbids honors inhibits
    instructs invokes iterates modifies obtains populates prepends preserves quits redirects resolves retrieves saves
    sanitizes sends silences strips substitutes suppresses swaps terminates toggles traverses treats unlocks unpacks
    unregisters unsets uses utilizes validates verifies waits walks warms warns watches works wraps writes
    """.split()  # noqa: SIM905
)
"""Third-person verbs that say what a thing does."""
OBJECT_VERBS = {
    "supports": "support", "provides": "provide", "offers": "offer", "requires": "require", "needs": "need",
    "uses": "use", "includes": "include", "contains": "contain", "returns": "return", "expects": "expect",
    "writes": "write", "reads": "read", "accepts": "accept", "creates": "create", "produces": "produce",
    "generates": "generate", "prints": "print", "manages": "manage", "employs": "employ", "stores": "store",
}  # fmt: skip
"""Verbs whose object answers `What does it ...?`, with their base form."""
IMPERATIVE = frozenset(
    """
    add adjust apply ask attempt build call change check choose click close configure consider contact copy
    create delete disable do download edit enable ensure enter execute explore follow give go include
    insert install keep launch leave load look make migrate monitor move open override pass place please point
    press provide put read refer reload remove rename replace restart retry review run save see select send set
    specify start stop switch try turn type unset update upload use verify visit wait write
    """.split()  # noqa: SIM905
)
"""Verbs with which an instruction begins."""
NOUNS = (
    "parameter", "option", "flag", "argument", "field", "setting", "variable", "key", "property", "attribute",
    "endpoint", "path", "route", "command", "code", "error", "status", "shortcut", "method", "event", "metric",
    "column", "environment variable", "header", "term", "concept", "tool", "file", "folder", "directory", "page",
)  # fmt: skip
DESCRIBES = frozenset(
    ("description", "descriptions", "meaning", "purpose", "what", "explanation", "details", "usage", "function", "use")
) | {"effect", "action", "summary", "notes", "note"}
DEFAULT_COLUMN = frozenset({"default", "defaults", "default value", "standard"})
NEEDED = frozenset({"required", "mandatory", "optional"})
"""What is said in a default's place and is none."""
TYPE_COLUMN = frozenset({"type", "data type", "kind"})
REQUIRED_COLUMN = frozenset({"required", "mandatory"})
IDENTIFIES = frozenset({"name", "component", "part", "item", "id", "what"})
ATTRIBUTE_NOUNS = frozenset(
    """
    address alias category character class code colour color command cost date default delay dependency directory
    duration encoding endpoint extension file flag folder format frequency group header height host interval key label
    language length level licence license limit location maximum memory method minimum mode module name number option
    order owner package page path pattern period permission platform port precedence prefix priority protocol range
    rate ratio release requirement resolution role schedule scheme scope section shortcut size source state status
    suffix symbol syntax table tag target threshold time timeout token topic type unit url user value version volume
    weight width setting
    """.split()  # noqa: SIM905
)
"""What a column can be headed by for `What is the ... of ...?` to be English."""
STATIVE = frozenset(
    """
    appears applies belongs consists continues denotes depends differs exists fails happens involves lies lives means
    needs occurs operates refers remains resides runs seems stands starts stays takes tries turns works becomes begins
    ends changes
    """.split()  # noqa: SIM905
)
"""Verbs whose sentence is no answer to `What does it do?`."""
NOUNS_TOO = frozenset(
    """
    file files output name list limit process control report match index check display map point order sort test filter
    format group label lock log mark mirror monitor pause permit sample scale schedule score signal start state stop
    store stream suit supply switch trigger update upload watch work wrap search link queue cache archive request reply
    answer change load record repair repeat return route share ship show sign split take track train transfer transform
    use view access count cut cover delay delete drop end insert function place trace type value
    sleep import export retry poll batch flush call buffer
    """.split()  # noqa: SIM905
)
"""Verbs that are nouns as often: an instruction only where a determiner follows."""
DETERMINERS = frozenset(
    """
    the a an all any each every this that these those its your whether how which what no only one more both out up if
    additional extra information details
    """.split()  # noqa: SIM905
)

ACRONYMS = frozenset(
    """
    API APIS ASCII AWS CLI CPU CRUD CSS CSV DNS FAQ FTP GCC GNU GPU GUI HTML HTTP HTTPS IDE JSON JVM LDAP OAUTH ORM PDF
    POSIX RAM RDBMS REST RPC SDK SMTP SOAP SQL SSD SSH SSL SSO TCP TLS TTY UDP URI URL USB UTC UTF UUID VPN XML YAML
    """.split()  # noqa: SIM905
)
"""What no product is called."""
