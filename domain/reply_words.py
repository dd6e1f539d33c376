"""How patients say things, as data: patterns over folded text, English and Spanish.

Folded: lower case, no accents, apostrophes or punctuation, single spaces. A table errs to the
side that does least harm: a text taken for an opt-out or a reaction that was none costs a
message, the other mistake costs trust or health.
"""

from collections.abc import Mapping
from types import MappingProxyType

STOP_WORDS = frozenset(
    (
        *("stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"),
        *("parar", "para", "pare", "paren", "alto", "cancelar", "basta", "bastaya"),
    )
)
"""Whole messages that end consent: the carriers' keywords and their Spanish kin."""

TYPED_BADLY = frozenset(
    {"stop", "stopall", "unsubscribe", "cancel", "quit", "revoke", "optout", "cancelar"}
)
"""Of these, one letter too many, too few, wrong or swapped is a typo."""

NOT_TYPOS = frozenset(
    (
        *("step", "shop", "top", "slop", "stow", "swop", "chop", "atom", "unstop"),
        *("quiet", "quite", "suit", "unit", "quiz", "quid", "quilt", "evoke", "revoked"),
        *("cancer", "stood", "stomp"),
    )
)
"""Words of their own beside a keyword: a person reads them."""

START_WORDS = frozenset({"start", "unstop"})
"""Without `yes`: it restores consent only where the provider says so, it may answer anything."""

HELP_WORDS = frozenset({"help", "info", "ayuda"})

STOP_PHRASES = (
    r"^(please |pls |plz |just )?stop\b(?! (by|in|at|over|off)\b)",
    r"\b(stop|quit) (please|pls|plz|now|texting|messaging|contacting|sending|bothering|harassing"
    r"|spamming|all|it)\b",
    r"\b(please|pls|plz) (stop|quit)\b(?! by\b)",
    r"\b(said|reply|text|spam) stop$",
    r"\bstop (these|those|the|this|your) (\w+ )?(texts?|messages?|msgs?|reminders?)\b",
    r"\bstop (getting|receiving) (\w+ ){0,3}(texts?|messages?|msgs?|reminders?|these|those"
    r"|this)\b",
    r"^(end|cancel|revoke|quit) ((all|these|the|this|my) )?(texts?|messages?|msgs?|reminders?"
    r"|subscription|consent|permission|all)$",
    r"^(please )?no (more|(more )?(texts?|messages?|msgs?))( please| thanks| thank you)?$",
    r"\bno (mas|more (texts?|messages?|msgs?|ads|offers|promos|promotions|reminders?))\b",
    r"\b(do not|dont|never) (ever )?(call or |email or )?(text|message|contact|msg|write)\b",
    r"\b(do not|dont|never) (ever )?send (\w+ ){0,4}(texts?|messages?|msgs?|reminders?|these|this"
    r"|anything)\b",
    r"\b(do not|dont) (want|wish) (\w+ ){0,5}(texts?|messages?|msgs?)\b",
    r"\b(do not|dont) want (these|those|this|them) any ?more\b",
    r"^(please )?(remove|cease and desist|discontinue)( please)?$",
    r"\bopt(ed|ing)? (me )?out\b",
    r"\bunsubscribe\b",
    r"\b(remove|delete) (me|my number)\b",
    r"\b(take me off|leave me alone|lose (my|this) number)\b",
    r"\b(i )?revoke (my )?(consent|permission)\b",
    r"\b(deje|dejen|dejar) de (enviar|mandar|escribir|molestar)",
    r"\b(dejeme|dejenme) (en paz|tranquil[oa])\b|\b(darme|denme|deme|dame) de baja\b",
    r"\b(quit|borr|elimin)(ar|e|en|eme|enme|arme) (de )?(mi |la |su )(numero|lista)\b",
    r"\bno (me|quiero|quisiera) (envie|envien|mande|manden|escriba|escriban|mas|mensajes|textos)\b",
    r"\bno (quiero|deseo|quisiera) (recibir|que me (escriba|mande|envie))",
    r"\b(paren|pare|para) (ya|por favor|de)\b",
)
"""Plain-language revocation: any reasonable means counts (47 CFR 64.1200(a)(10))."""

SCOPE_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "marketing": r"\b(ads?|offers?|promos?|promotions?|marketing|ofertas?|promociones"
        r"|publicidad)\b",
        "billing": r"\b(bills?|billing|invoices?|facturas?|cobros?)\b",
    }
)
"""A stop that names what is to stop ends that class alone, unless it also names everything."""

EVERYTHING_WORDS = (
    r"\b(all|everything|anything|any|texts?|texting|messag\w+|contact\w*"
    r"|todos?|mensajes|textos)\b"
)

OTHER_WAYS = r"\b(e ?mail\w*|correos?|call|calls|calling|llamen|llamadas?|letters?|cartas?)\b"
"""A stop by text ends texts; one that names another way of reaching the patient is also read."""

ADVERSE_EVENT = (
    r"\bswell\w*|\bswollen\b|\bhinchad\w*|\bhinchazon\b|\binflamad\w*|\binflamacion\b",
    r"\bpain\w*|\bhurt\w*|\baching\b|\bsore\b|\bdolor\w*|\bduele\w*|\badolorid\w*",
    r"\binfect\w*|\binfeccion\w*|\bpus\b|\boozing\b|\bfever\w*|\bfiebre\b",
    r"\bbleed\w*|\bblood\b|\bsangr\w*|\bbruis\w*|\bmoreton\w*|\bmorad[oa]s?\b",
    r"\brash\b|\bhives\b|\bitch\w*|\ballerg\w*|\breaction\b|\balergi\w*|\breaccion\b|\bronchas?\b"
    r"|\bpicazon\b|\bsarpullido\b",
    r"\bblister\w*|\bburn(s|ed|t|ing)?\b|\bscab\w*|\bampollas?\b|\bquemad\w*|\bquema\b",
    r"\bnumb(ness|ing)?\b|\bdroop\w*|\btingl\w*|\bentumecid\w*|\bcaid[oa]\b",
    r"\b(blurr\w*|vision|cant see|cannot see|no veo|vision borrosa)\b",
    r"\b(breath\w*|respirar|dizzy|faint\w*|maread[oa]|vomit\w*|nause\w*)\b",
    r"\b(throb\w*|tender(ness)?|bumps?|unwell|hot to (the )?touch)\b",
    r"\bfeel\w* (\w+ )?(sick|ill|terrible|awful|bad)\b(?! of)|\bme siento (muy )?mal\b",
    r"\b(white|black|blue|purple|gr[ae]y|dark|mottled|red) (patch\w*|spots?|streaks?|area|skin"
    r"|lips?)\b",
    r"\b(lips?|nose|skin|face|eyelids?|eyes?|cheeks?|chin|forehead) (\w+ ){0,3}(white|black|blue"
    r"|purple|gr[ae]y|dark|red|hot|hard)\b",
    r"\blumps?\b|\bnodules?\b|\bnecro\w*|\bdiscolor\w*|\bturned (white|black|blue|purple)\b",
    r"\b(emergency|hospital|urgent care|911|emergencia|urgencias)\b",
    r"\bsomething (is|feels|looks) (wrong|off) with my (face|lips?|eyes?|skin)\b",
)
"""Possible reactions: a clinician reads these, even when the patient only jokes."""

WRONG_PERSON = (
    r"\bwrong (number|person|phone|guy|lady)\b",
    r"\b(not|isnt) (his|her|their|\w+s) (number|phone)\b",
    r"\bno longer (his|her|their|at this) (number|phone)\b|\bnumber (no longer )?belongs to\b",
    r"\b(doesnt|does not|no longer) (have|has|own|owns|use|uses) this (number|phone)\b",
    r"^wrong( no| nr| num)?$",
    r"\bnobody (here )?(by|with|of) that name\b|\bno (one|body) (here )?(by|with) that name\b",
    r"\b(numero|persona) equivocad[oa]\b|\b(se )?equivoc\w+ de (numero|persona)\b",
    r"\bno (conozco|soy) (a )?(esa|esta|ese|la) persona\b|\bno es (su|el) numero\b",
)

DISPUTE = (
    r"\bdisput\w*|\bchargeback\b|\b(stop|quit) charging\b",
    r"\b(wrong|incorrect) (bill|amount|charge|balance|invoice|total)\b",
    r"\b(this|that|it|bill|amount|charge|balance|invoice|total) (is|are|was|looks?|seems?)"
    r" ((all |totally |completely )?(wrong|incorrect|off)|not (right|correct))\b",
    r"\b(dont|do not) (owe|agree)\b|\b(never|didnt) (owed|agreed?|received?|got|get|had)\b",
    r"\b(over ?charged|double charged|charged (me )?(twice|double|too much))\b",
    r"\b(lawyer|attorney|scam|fraud|complain\w*|report you|sue|bbb|refund|rip off|ripoff)\b",
    r"\b(unhappy|dissatisfied|not (happy|satisfied)|terrible|awful|botched)\b",
    r"\bno (debo|estoy de acuerdo|recibi)\b|\bcobr\w+ (de mas|dos veces|doble|mal)\b",
    r"\b(reclamo|queja|abogad[oa]|estafa|fraude|reembolso|error)\b",
)

NOT_PAID = (
    r"^(is|was|did|has|have|am) ",
    r"\b(havent|hasnt|have not|has not|didnt|did not|not|never|cant|cannot|wont|get|gets|getting"
    r"|be|if|when|until|once|who|no|aun no|todavia no) (\w+ ){0,3}(paid|pagad[oa]|pague|pagado)\b",
)
"""Words about paying that say nothing has been paid yet."""

PAID = (
    r"\b(i|we|ive|weve|already|just|have|was|is|been|all|husband|wife|mom|dad)"
    r" (\w+ )?pa(id|yed)\b",
    r"\bpa(id|yed) (it|this|that|in full|off|already|yesterday|today"
    r"|last|on|at|online|by|with|the)\b",
    r"\bpayment (was |has been |is )?(sent|made|submitted|mailed|done|complete\w*)\b",
    r"\b(sent|mailed|made) (the |a |my |you |in )*(payment|check|cheque)\b",
    r"^pa(id|yed)$",
    r"\bya (lo |la |le |les )?pague\b|\b(ya )?(esta|fue) pagad[oa]\b|\bhice el pago\b|^pagado$",
)

CALL_ME = (
    r"\b(call|phone|ring) (me|us|back)\b|\b(give|gimme) (me )?a (call|ring)\b",
    r"\b(please|pls|plz|can|could|will|would) (someone |somebody |you )?(please )?call\b",
    r"\b(speak|talk|chat) (to|with) (some(one|body)|a (person|human)|the (manager|office))\b",
    r"\b(have|has|got) (a )?questions?\b|\bneed (some )?help\b|\bpayment plan\b",
    r"\bllam(ame|enme|eme|en|ar|arme)\b|\bhablar con (alguien|una persona)\b|\bplan de pagos?\b",
    r"\b(tengo|una) (una )?preguntas?\b|\bnecesito ayuda\b",
)
