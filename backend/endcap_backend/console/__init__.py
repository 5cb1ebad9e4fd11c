"""The console at `/console`: what happens in the shop, for those who work there. Scripts only liven its pages up.

`door` lets in, `floor` draws a store, `presence` knows where shoppers stand, `lineage` what passes through the stream,
`funnel` what became of offers (`counted`: as last counted), `counter` changes promotions and shelves, `planner` plans,
`overtaken` tells who was not quick enough, `pages` shows it all.
"""
