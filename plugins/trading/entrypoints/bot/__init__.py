"""The bot on Telegram: a command is a file in `commands/`; everything else is the same for all of them."""
