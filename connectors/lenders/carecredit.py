"""CareCredit: files twice a day, half a day late; no webhook, and nothing to ask but files."""

from collections.abc import Sequence
from typing import Any

from connectors.lenders.access import LenderAccess, lender_api
from connectors.lenders.platform import bearer
from connectors.ports import Misconfigured, ProviderUnavailable, Refused, RemoteFile
from domain.carecredit_file import Export, read_export
from domain.lender_contracts import CONTRACTS, LenderContract
from domain.lender_news import Context
from domain.plan_case import Lender

FILE_BYTES_MAX = 5_000_000


class CareCredit:
    """`LenderPort` and `LenderFiles` over an HTTPS drop of export files."""

    contract: LenderContract = CONTRACTS[Lender.CARECREDIT]

    def __init__(self, access: LenderAccess) -> None:
        self._access = access
        self._http = lender_api("carecredit", access, bearer(access.api_key))

    @property
    def locations(self) -> Sequence[str]:
        """The locations that have a merchant number."""
        return sorted(self._access.accounts)

    async def aclose(self) -> None:
        """Close the pooled connections."""
        await self._http.aclose()

    async def list_files(self, location_id: str) -> Sequence[RemoteFile]:
        """Names of the files on offer, oldest first."""
        params = {"merchant": self._merchant(location_id)}
        body = await self._http.get_json("/exports", params)
        files: Any = None if isinstance(body, Refused) else body.get("files")
        try:
            found = [RemoteFile.model_validate(each) for each in files]
        except (TypeError, ValueError):
            raise ProviderUnavailable("carecredit answered no list of files") from None
        return sorted(found, key=lambda each: (each.made_at, each.name))

    async def fetch_file(self, location_id: str, name: str) -> bytes:
        """A file's bytes."""
        params = {"merchant": self._merchant(location_id)}
        answer = await self._http.get(f"/exports/{name}", params)
        if isinstance(answer, Refused):
            raise ProviderUnavailable("carecredit no longer has a file that it listed")
        if len(answer.content) > FILE_BYTES_MAX:
            raise ProviderUnavailable("carecredit sent a file of more than 5 MB")
        return answer.content

    def read_file(self, name: str, raw: bytes, context: Context) -> Export:
        """A file's facts and bad rows; a file of another merchant number is none of ours."""
        merchant = self._access.accounts.get(context.location_id)
        export = read_export(
            name,
            raw,
            location_id=context.location_id,
            zone=context.zone,
            observed_at=context.observed_at,
        )
        if merchant is not None and export.merchant != merchant:
            raise ValueError("it is of another merchant number than this location's")
        return export

    def _merchant(self, location_id: str) -> str:
        merchant = self._access.accounts.get(location_id)
        if merchant is None:
            raise Misconfigured("carecredit has no merchant number for this location")
        return merchant
