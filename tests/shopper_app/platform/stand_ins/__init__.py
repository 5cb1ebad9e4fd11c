"""Stand-ins for what the Android adapters ask of Java; `stand_ins.pyjnius` puts them in its place."""
