"""Android's foreground service of type location: the app without its window, while that is not in front of her."""

from endcap_shopper.background import main

main()
