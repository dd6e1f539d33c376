"""Builds the pool, the vault, the connectors and the engine from the settings, in one place.

Used by `tieout serve`, the CLI and the worker; vendor files are imported here and nowhere else.
"""

import contextlib
import email.utils
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field

from temporalio.client import Client

from activities.intake import Intake
from activities.lender_intake import LenderIntake
from activities.plan_intake import PlanIntake
from connectors.engine.cases import TemporalCases
from connectors.engine.client import EngineAddress, EngineUnreachable, connect
from connectors.messaging.handoff import EmrTexts
from connectors.messaging.mail_reports import MailReports
from connectors.messaging.podium import PodiumTexts
from connectors.messaging.routing import RoutedTexts
from connectors.messaging.smtp import SmtpEmails, SmtpRelay
from connectors.messaging.twilio import TwilioTexts
from connectors.payments.stripe import StripeProcessor
from connectors.pms.boulevard import Boulevard
from connectors.pms.zenoti import Zenoti
from connectors.ports import (
    CaseEngine,
    EmailPort,
    LenderPort,
    PayoutPort,
    PmsPort,
    ProcessorPort,
    ProviderUnavailable,
    ReversalPort,
    TextPort,
)
from domain.model import Record
from starter.lending import as_ports, lender_ports
from starter.settings import Settings
from store.db import Pool, open_pool
from store.vault import Vault
from workflows.attributes import at_start

IMPLICIT_TLS_PORT = 465


@dataclass(frozen=True)
class Wiring:
    """Everything that a process works with. `pms` maps a location id to its system."""

    settings: Settings
    pool: Pool
    vault: Vault
    pms: Mapping[str, PmsPort]
    processor: ProcessorPort
    text: TextPort
    email: EmailPort
    engine: CaseEngine
    intake: Intake
    zenoti: Zenoti | None = None
    podium: PodiumTexts | None = None
    mail_reports: MailReports | None = None
    """None where Podium is not set up."""
    payouts: PayoutPort | None = None
    reversals: ReversalPort | None = None
    lenders: Mapping[str, LenderPort] = field(default_factory=dict)
    """Lender -> its port, of those that are set up."""

    @property
    def plans(self) -> PlanIntake:
        """The one way in for facts about financing plans."""
        return PlanIntake(self.pool, self.engine)

    @property
    def texts(self) -> TextPort:
        """Every provider of texts; each location's channel says which one carries its own."""
        others = (self.podium,) if self.podium else ()
        return RoutedTexts(self.text, EmrTexts(self.pms), *others)


class Systems(Mapping[str, PmsPort]):
    """Location id -> its practice system: Zenoti's where the settings say so, else Boulevard's."""

    def __init__(self, boulevard: PmsPort, others: Mapping[str, PmsPort]) -> None:
        self._boulevard, self._others = boulevard, others

    def __getitem__(self, location_id: str) -> PmsPort:
        return self._others.get(location_id, self._boulevard)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


class LateCases:
    """A `CaseEngine` that connects on first use: webhooks are kept while Temporal is away."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._cases: TemporalCases | None = None

    async def start_or_signal(
        self,
        workflow: str,
        workflow_id: str,
        start_input: Record,
        signal: str,
        signal_input: Record,
        location_id: str,
    ) -> str:
        """As `CaseEngine`; ProviderUnavailable while nobody answers."""
        cases = await self._connected()
        return await cases.start_or_signal(
            workflow, workflow_id, start_input, signal, signal_input, location_id
        )

    async def signal(self, workflow_id: str, signal: str, signal_input: Record) -> bool:
        """As `CaseEngine`; ProviderUnavailable while nobody answers."""
        return await (await self._connected()).signal(workflow_id, signal, signal_input)

    async def _connected(self) -> TemporalCases:
        if self._cases is None:
            try:
                client = await temporal_client(self._settings)
            except EngineUnreachable as error:
                raise ProviderUnavailable("Temporal does not answer.") from error
            self._cases = cases(self._settings, client)
        return self._cases


def engine_address(settings: Settings) -> EngineAddress:
    """Where Temporal is, and the keys that seal its payloads."""
    api_key = settings.temporal_api_key
    return EngineAddress(
        target=settings.temporal_address,
        namespace=settings.temporal_namespace,
        codec_keys=settings.codec_key_bytes,
        active_codec_key=settings.codec_key_id,
        api_key=api_key.get_secret_value() if api_key else None,
        tls=settings.temporal_tls,
    )


async def temporal_client(settings: Settings) -> Client:
    """A connected client for this event loop; `EngineUnreachable` when nobody answers."""
    return await connect(engine_address(settings))


def cases(settings: Settings, client: Client) -> TemporalCases:
    """The case engine over a connected client."""
    return TemporalCases(client, settings.temporal_task_queue, at_start)


def vault(settings: Settings) -> Vault:
    """What seals contact data and webhook bodies in the books."""
    return Vault(settings.vault_key_bytes, settings.vault_key_id)


def zenoti(settings: Settings) -> Zenoti | None:
    """The Zenoti organisation; None where its keys are not set."""
    keys = settings.zenoti
    if keys is None:
        return None
    return Zenoti(
        base_url=keys.base_url,
        api_key=keys.api_key.get_secret_value(),
        webhook_secret=keys.webhook_secret.get_secret_value(),
    )


def boulevard(settings: Settings) -> Boulevard:
    """The practice management system."""
    return Boulevard(
        base_url=settings.boulevard_base_url,
        business_id=settings.boulevard_business_id,
        api_key=settings.boulevard_api_key.get_secret_value(),
        api_secret=settings.boulevard_api_secret.get_secret_value(),
        app_id=settings.boulevard_app_id,
    )


def stripe(settings: Settings) -> StripeProcessor:
    """The card processor; in dev every one of its hosts is the sandbox."""
    return StripeProcessor(
        settings.stripe_secret_key.get_secret_value(),
        settings.stripe_webhook_secret.get_secret_value(),
        settings.stripe_api_base if settings.sandbox_url else None,
    )


def twilio(settings: Settings) -> TwilioTexts:
    """The SMS provider; its callbacks come to this product's own public address."""
    return TwilioTexts(
        account_sid=settings.twilio_account_sid,
        auth_token=settings.twilio_auth_token.get_secret_value(),
        messaging_service_sid=settings.twilio_messaging_service_sid,
        callback_url=f"{settings.public_base_url}/webhooks/twilio",
        base_url=settings.twilio_api_base,
    )


def podium(settings: Settings) -> PodiumTexts | None:
    """The second SMS provider; None where its credentials are not set."""
    secrets = (
        settings.podium_client_secret,
        settings.podium_refresh_token,
        settings.podium_webhook_secret,
    )
    if settings.podium_client_id is None or None in secrets:
        return None
    client_secret, refresh_token, webhook_secret = (
        each.get_secret_value() for each in secrets if each is not None
    )
    return PodiumTexts(
        client_id=settings.podium_client_id,
        client_secret=client_secret,
        refresh_token=refresh_token,
        webhook_secret=webhook_secret,
        locations=settings.podium_locations,
        base_url=settings.podium_api_base,
        token_url=settings.podium_token_url,
    )


def mail(settings: Settings) -> SmtpEmails:
    """The e-mail relay; without TLS in dev alone, where it is a sink on this machine."""
    name, address = email.utils.parseaddr(settings.email_sender)
    secure = "implicit" if settings.smtp_port == IMPLICIT_TLS_PORT else "starttls"
    return SmtpEmails(
        SmtpRelay(
            host=settings.smtp_host,
            port=settings.smtp_port,
            sender_address=address,
            sender_name=name,
            tls="none" if settings.sandbox_url else secure,
            username=settings.smtp_username,
            password=settings.smtp_password,
            idempotency_header=settings.smtp_idempotency_header,
        )
    )


def mail_reports(settings: Settings) -> MailReports | None:
    """Reads the relay's bounces and complaints; None without its secret."""
    secret = settings.mail_webhook_secret
    return MailReports(secret.get_secret_value()) if secret else None


@contextlib.asynccontextmanager
async def wired(settings: Settings, client: Client | None = None) -> AsyncIterator[Wiring]:
    """Everything from the settings, closed on exit; without a client Temporal may come later."""
    async with contextlib.AsyncExitStack() as stack:
        pool = await open_pool(settings.database_url.get_secret_value())
        stack.push_async_callback(pool.close)
        pms, processor = boulevard(settings), stripe(settings)
        text, emails = twilio(settings), mail(settings)
        second, reports = podium(settings), mail_reports(settings)
        for close in (pms.aclose, processor.close, text.aclose, emails.aclose):
            stack.push_async_callback(close)
        if second is not None:
            stack.push_async_callback(second.aclose)
        made = lender_ports(settings)
        for lender in made.values():
            stack.push_async_callback(lender.aclose)
        known = as_ports(made)
        engine = cases(settings, client) if client else LateCases(settings)
        organisation = zenoti(settings)
        if organisation is not None:
            stack.push_async_callback(organisation.aclose)
        centers = settings.zenoti.locations if settings.zenoti else ()
        others = dict.fromkeys(centers, organisation) if organisation else {}
        safe, locations = vault(settings), Systems(pms, others)
        yield Wiring(
            settings=settings,
            pool=pool,
            vault=safe,
            pms=locations,
            processor=processor,
            text=text,
            email=emails,
            engine=engine,
            intake=Intake(
                pool,
                safe,
                locations,
                processor,
                text,
                engine,
                (second,) if second else (),
                reports,
                processor.payouts,
                processor.reversals,
                lenders=LenderIntake(pool, engine, known, PlanIntake(pool, engine)),
                organisations=(organisation,) if organisation else (),
            ),
            lenders=known,
            payouts=processor.payouts,
            reversals=processor.reversals,
            mail_reports=reports,
            podium=second,
            zenoti=organisation,
        )
