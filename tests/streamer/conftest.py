from __future__ import annotations

import hypothesis

# A busy machine is no broken promise.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")
