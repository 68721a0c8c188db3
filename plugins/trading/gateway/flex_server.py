"""IB's Flex Web Service in miniature, for tests: two endpoints over HTTP on loopback. SIMULATED.

    GET http://127.0.0.1:PORT/FlexWebService/SendRequest?t=TOKEN&q=QUERY&v=3[&fd=YYYYMMDD&td=YYYYMMDD]
    GET http://127.0.0.1:PORT/FlexWebService/GetStatement?t=TOKEN&q=REFERENCE&v=3

The first answers with a reference code and the URL of the second:

    <FlexStatementResponse timestamp='03 June, 2019 11:40 PM EDT'>
    <Status>Success</Status>
    <ReferenceCode>1000000001</ReferenceCode>
    <Url>http://127.0.0.1:PORT/FlexWebService/GetStatement</Url>
    </FlexStatementResponse>

or with `<Status>Fail</Status>`, `<ErrorCode>` and `<ErrorMessage>`. The second answers with a `FlexQueryResponse` (see
`flex`), or with the same error shape. `fd` and `td` (New York dates, both included) restrict the period; without them
it runs from the account's first day to the simulated present. The token is `FLEX_TOKEN`; `EXPIRED_TOKEN` gets 1012,
any other 1015, a query id that is not a number 1014, an unknown reference code 1017, a request without a User-Agent or
with another version 1020. `answer_next_with(1019)` makes the next GetStatement say "in progress" once.
"""

from __future__ import annotations

FLEX_TOKEN = "SIMULATED"  # noqa: S105 - the simulated service guards nothing
EXPIRED_TOKEN = "EXPIRED"  # noqa: S105
