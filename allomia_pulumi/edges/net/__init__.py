"""What both edges share: deadlines, limits of answers, proxies and certificates."""
