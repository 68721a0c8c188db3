-- A broker may correct an execution: the old row stays, and what stands is read through views.
CREATE TABLE desk.fill_corrections (
    book text NOT NULL,
    fill_id text NOT NULL,
    corrected_by text NOT NULL,
    PRIMARY KEY (book, fill_id),
    FOREIGN KEY (book, fill_id) REFERENCES desk.fills (book, fill_id) ON DELETE CASCADE,
    FOREIGN KEY (book, corrected_by) REFERENCES desk.fills (book, fill_id) ON DELETE CASCADE,
    CHECK (fill_id <> corrected_by)
);

CREATE VIEW desk.standing_fills AS
    SELECT f.* FROM desk.fills AS f
    WHERE NOT EXISTS (SELECT FROM desk.fill_corrections AS c WHERE c.book = f.book AND c.fill_id = f.fill_id);

CREATE VIEW desk.standing_disposals AS
    SELECT d.* FROM desk.disposals AS d
    WHERE NOT EXISTS (SELECT FROM desk.fill_corrections AS c WHERE c.book = d.book AND c.fill_id = d.fill_id);
