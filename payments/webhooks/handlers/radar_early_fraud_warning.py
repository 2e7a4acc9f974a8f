"""Early fraud warnings: refunding now is cheaper than the dispute that follows."""

from payments.donations import disputes
from payments.jobs import Bell
from payments.stripe_gateway import shapes
from payments.webhooks.batch import Batch


def seen(batch: Batch, warning: shapes.EarlyFraudWarning) -> None:
    """A warning is a task for staff until it is handled or Stripe calls it moot; a monthly gift ends."""
    charge = batch.known_charge(warning.charge)
    known = batch.fraud_warning(warning.id)
    if known is None:
        batch.add_fraud_warning(disputes.warning_from(warning, charge))
    else:
        # Once moot it stays moot: an older snapshot must not bring the task back.
        known.is_actionable = known.is_actionable and warning.actionable
    batch.call(Bell.END_DISPUTED)
