"""imajin: make UI asset images and prove that each one is fit to publish."""

from pathlib import Path as _Path

__version__ = "0.1.0"

# A checkout keeps stages/, configs/ and presets/ beside this package; an installed wheel has them inside it.
_checkout = _Path(__file__).parents[1]
if not (_Path(__file__).parent / "stages").is_dir() and (_checkout / "stages").is_dir():
    __path__.append(str(_checkout))

# Names are imported when they are used: `imajin --help` and `import imajin_cli` load nothing of this. The constant is the
# type checkers' own; typing would cost more than all that is imported here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from imajin_cli.api import (
        Asset,
        BackendError,
        Event,
        Exit,
        ImajinError,
        InputError,
        MissingError,
        NoCapacityError,
        NoVerdictError,
        OutputError,
        Preset,
        Provenance,
        RejectedError,
        Request,
        Result,
        Sidecar,
        UsageError,
        generate,
        judge,
        list_presets,
        make,
        moderate,
        read_sidecar,
        verify_provenance,
    )

__all__ = [
    "Asset",
    "BackendError",
    "Event",
    "Exit",
    "ImajinError",
    "InputError",
    "MissingError",
    "NoCapacityError",
    "NoVerdictError",
    "OutputError",
    "Preset",
    "Provenance",
    "RejectedError",
    "Request",
    "Result",
    "Sidecar",
    "UsageError",
    "__version__",
    "generate",
    "judge",
    "list_presets",
    "make",
    "moderate",
    "read_sidecar",
    "verify_provenance",
]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from imajin_cli import api

        return getattr(api, name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
