"""Letters by Telegram, through python-telegram-bot."""

from trading.adapters.telegram.messenger import TelegramMessenger

__all__ = ["TelegramMessenger"]
