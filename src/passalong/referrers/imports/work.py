"""The job of an import: chunk after chunk until it ends, stops, or this worker does."""

import asyncio
from contextlib import suppress
from uuid import UUID

import structlog
from django.db import InterfaceError, OperationalError, transaction

from passalong.core.dbthread import DbThread
from passalong.referrers.imports.apply import Rows, end, step
from passalong.referrers.imports.lease import Claim, LeaseLostError, claim, let_go
from passalong.referrers.imports.models import Import, ImportStatus

log = structlog.get_logger(__name__)

UNEXPECTED = {
    "code": "internal_error",
    "message": "Something went wrong in Passalong itself; the rows counted here are saved.",
    "next_step": "Upload the file again: nobody is added twice. If it happens again, send the log around "
    "this moment to support.",
}


async def conduct(upload_id: UUID) -> None:
    """Work on an import. Does nothing when somebody else has it."""
    db = DbThread()
    try:
        held = await db(claim, upload_id)
        if held is not None:
            await _work(held, db)
    finally:
        await db.close()


async def _work(held: Claim, db: DbThread) -> None:
    rows = Rows(held.upload)
    try:
        while await db(step, held, rows):
            pass
    except asyncio.CancelledError:
        # This worker is going down: the next one need not wait for the lease to run out.
        await asyncio.shield(db(let_go, held))
        raise
    except LeaseLostError:
        log.warning("import lost to another worker", upload=str(held.upload.pk))
    except (OperationalError, InterfaceError):
        # The database is away; when it is back, the import goes on from its checkpoint.
        log.warning("import left for later", upload=str(held.upload.pk))
    except Exception:
        log.exception("import failed unexpectedly", upload=str(held.upload.pk))
        with suppress(OperationalError, InterfaceError):
            await db(_fail, held)


@transaction.atomic
def _fail(held: Claim) -> None:
    mine = Import.everywhere.select_for_update().filter(pk=held.upload.pk, epoch=held.epoch)
    upload = mine.filter(status=ImportStatus.RUNNING).first()
    if upload is not None:
        end(upload, ImportStatus.FAILED, UNEXPECTED)
