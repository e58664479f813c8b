"""Which assets to post where, and what the account's own count for."""

from .collateral import Allocation, allocate
from .pledges import Pledges, pledges

__all__ = ["Allocation", "Pledges", "allocate", "pledges"]
