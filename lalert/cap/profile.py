"""The Japanese profile."""

from __future__ import annotations

from lalert.cap.meaning import category_of, decided_at, hazard_of, is_all_clear, is_correction, level_of

__all__ = ["category_of", "decided_at", "hazard_of", "is_all_clear", "is_correction", "level_of"]
