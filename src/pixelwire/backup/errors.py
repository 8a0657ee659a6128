"""What goes wrong with backups, by who must act. Knows no file."""

from pixelwire.errors import PixelwireError


class BackupError(PixelwireError):
    """The backup can not be made or used."""

    code = "backup"


class BackupDamaged(BackupError):
    """The backup is damaged: it can not be restored as it is."""

    code = "backup_damaged"
