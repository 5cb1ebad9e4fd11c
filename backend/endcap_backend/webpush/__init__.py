"""Web Push: an offer as a notification of the browser, for a shopper who has closed the page.

`subscriptions` is who wants it and where, `vapid` the key that names the shop to push services, `sending` one message
on its way, `stage` the consumer of `customers_alerts` between them.
"""
