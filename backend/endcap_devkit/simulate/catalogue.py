"""What made-up shelves hold: products by segment, and which segment each kind of shop sells."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Segment:
    """A kind of product: its name on the wire and in words, what belongs to it, and what it costs."""

    name: str
    title: str
    products: tuple[str, ...]
    variants: tuple[str, ...]
    price_from: float  # euro
    price_to: float


_COLOURS = ("black", "navy", "sand", "forest")
_SIZES = ("small", "medium", "large")

SEGMENTS: dict[str, Segment] = {
    segment.name: segment
    for segment in (
        Segment("fashion", "Fashion", ("Wool coat", "Linen shirt", "Merino jumper", "Denim jacket", "Rain parka",
                "Cotton tee", "Pleated trousers", "Knitted scarf", "Leather belt", "Silk dress"), _COLOURS, 19, 189),
        Segment("shoes", "Shoes", ("Trail runners", "Chelsea boots", "Canvas sneakers", "Winter boots", "Loafers",
                "Sandals"), _COLOURS, 39, 179),
        Segment("jewellery", "Jewellery", ("Silver ring", "Amber pendant", "Steel watch", "Pearl earrings",
                "Gold chain"), ("fine", "bold"), 49, 490),
        Segment("beauty", "Beauty", ("Day cream", "Hand balm", "Shampoo", "Eau de toilette", "Lip tint",
                "Sauna scrub", "Sun lotion"), _SIZES, 6, 59),
        Segment("eyewear", "Eyewear", ("Reading glasses", "Sunglasses", "Lens cleaner"), ("round", "square"), 9, 199),
        Segment("books", "Books", ("Crime novel", "Cookbook", "City guide", "Poems", "Picture book",
                "Atlas"), ("hardback", "paperback"), 9, 49),
        Segment("toys", "Toys", ("Wooden train", "Building bricks", "Plush bear", "Board game", "Puzzle",
                "Kite"), _SIZES, 9, 69),
        Segment("sports", "Sports", ("Running vest", "Yoga mat", "Bike lights", "Ski gloves", "Day pack",
                "Head torch", "Water bottle"), _COLOURS, 12, 129),
        Segment("home", "Home", ("Table lamp", "Linen throw", "Oak stool", "Glass vase", "Wool rug", "Serving bowl",
                "Bath towel", "Candle holder"), ("white", "moss", "clay"), 12, 249),
        Segment("electronics", "Electronics", ("Headphones", "Phone case", "Charger", "Smart speaker", "Camera strap",
                "Keyboard"), ("black", "white"), 15, 299),
        Segment("groceries", "Groceries", ("Oat milk", "Rye bread", "Gouda", "Salmon fillet", "Blueberries",
                "Tomatoes", "Yoghurt", "Pasta", "Crispbread", "Olive oil"), ("organic", "classic", "family"), 1.5, 12),
        Segment("bakery", "Bakery", ("Sourdough loaf", "Cinnamon bun", "Karelian pasty", "Croissant"),
                ("one", "box of four"), 2, 9),
        Segment("coffee-tea", "Coffee & tea", ("Espresso beans", "Filter coffee", "Earl Grey", "Green tea",
                "Oat drink barista"), ("250 g", "500 g", "1 kg"), 4, 19),
        Segment("sweets", "Sweets", ("Salty liquorice", "Dark chocolate", "Marmalade", "Fudge"), _SIZES, 2, 14),
        Segment("drinks", "Drinks", ("Sparkling water", "Lingonberry juice", "Long drink", "Craft beer"),
                ("can", "bottle", "six-pack"), 2, 18),
        Segment("flowers", "Flowers", ("Tulips", "Roses", "Orchid", "Herb pot"), ("bunch", "pot"), 5, 39),
        Segment("gifts", "Gifts", ("Postcards", "Mug", "Amber stone", "Tea towel", "Notebook"), ("city", "sea"), 3, 35),
        Segment("music", "Music", ("Vinyl record", "Guitar strings", "Kantele", "Sheet music"), ("new", "used"), 6, 99),
    )
}  # fmt: skip

SOLD_BY = {
    "clothes": "fashion", "boutique": "fashion", "fashion_accessories": "fashion", "leather": "fashion",
    "hats": "fashion", "fur": "fashion", "tailor": "fashion", "second_hand": "fashion", "bag": "fashion",
    "shoes": "shoes", "jewelry": "jewellery", "watches": "jewellery", "antiques": "jewellery",
    "beauty": "beauty", "cosmetics": "beauty", "hairdresser": "beauty", "perfumery": "beauty", "chemist": "beauty",
    "optician": "eyewear", "books": "books", "stationery": "books", "toys": "toys", "baby_goods": "toys",
    "anime": "toys", "sports": "sports", "outdoor": "sports", "bicycle": "sports", "ski": "sports",
    "furniture": "home", "interior_decoration": "home", "houseware": "home", "kitchen": "home", "bed": "home",
    "carpet": "home", "fabric": "home", "doityourself": "home", "hardware": "home", "craft": "home",
    "electronics": "electronics", "mobile_phone": "electronics", "computer": "electronics", "hifi": "electronics",
    "photo": "electronics", "video_games": "electronics", "supermarket": "groceries", "convenience": "groceries",
    "kiosk": "groceries", "deli": "groceries", "health_food": "groceries", "bakery": "bakery", "pastry": "bakery",
    "tea": "coffee-tea", "coffee": "coffee-tea", "confectionery": "sweets", "chocolate": "sweets",
    "alcohol": "drinks", "beverages": "drinks", "wine": "drinks", "florist": "flowers", "gift": "gifts",
    "art": "gifts", "frame": "gifts", "music": "music", "musical_instrument": "music", "records": "music",
}  # fmt: skip

DEPARTMENTS = (
    "groceries",
    "bakery",
    "coffee-tea",
    "beauty",
    "fashion",
    "shoes",
    "home",
    "toys",
    "electronics",
    "gifts",
)
