"""`endcap replay`: a recorded walk through the SDK's engine, drawn with its fences, visits and reasons."""
