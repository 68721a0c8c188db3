-- A paper or live book never shares a database with generated rows.
SELECT b.book, s.source, count(*) AS row_count
FROM desk.books AS b
CROSS JOIN (SELECT source FROM market.bars WHERE source = 'SYNTHETIC'
            UNION ALL SELECT source FROM market.news WHERE source = 'SYNTHETIC') AS s
WHERE b.kind IN ('paper', 'live')
GROUP BY b.book, s.source
ORDER BY b.book
