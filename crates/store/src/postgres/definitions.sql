-- What the tables of the schema are made of: of which table, what, and its text. Partitions come and go with the months, so of them
-- it is told what they should never have. Texts are as PostgreSQL writes them, in every version from 15 on.
WITH relation AS (
    SELECT class.oid, class.relname AS name, class.relkind AS kind, class.relispartition AS of_month,
        coalesce(parent.relname, class.relname) AS table
    FROM pg_class AS class
    LEFT JOIN pg_inherits ON inhrelid = class.oid LEFT JOIN pg_class AS parent ON parent.oid = inhparent
    WHERE class.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
        AND class.relkind IN ('r', 'p', 'v', 'S')
), whole AS (SELECT * FROM relation WHERE NOT of_month AND kind IN ('r', 'p'))
SELECT relation.table::text, CASE kind WHEN 'v' THEN 'view' WHEN 'S' THEN 'sequence' ELSE 'table' END, '' FROM relation
WHERE NOT of_month AND (kind <> 'S' OR NOT EXISTS (SELECT FROM pg_depend WHERE objid = relation.oid AND deptype = 'i'))
UNION ALL
SELECT whole.table, 'column ' || attname,
    format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' not null' ELSE '' END
    || CASE WHEN attidentity <> '' THEN ' identity' ELSE '' END || coalesce(' default ' || pg_get_expr(adbin, adrelid), '')
FROM whole JOIN pg_attribute ON attrelid = whole.oid AND attnum > 0 AND NOT attisdropped
LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
UNION ALL
SELECT whole.table, 'constraint ' || conname, pg_get_constraintdef(pg_constraint.oid, true)
FROM whole JOIN pg_constraint ON conrelid = whole.oid WHERE contype IN ('c', 'f', 'p', 'u', 'x')
UNION ALL
SELECT whole.table, 'index ' || indexrelid::regclass, pg_get_indexdef(indexrelid, 0, true)
    || CASE WHEN indisvalid AND indisready THEN '' ELSE ' invalid' END
FROM whole JOIN pg_index ON indrelid = whole.oid
UNION ALL
SELECT relation.table, 'trigger ' || tgname || ' on ' || name, pg_get_triggerdef(pg_trigger.oid, true)
FROM relation JOIN pg_trigger ON tgrelid = relation.oid WHERE NOT tgisinternal
UNION ALL
SELECT relation.table, 'rule ' || rulename || ' on ' || name, pg_get_ruledef(pg_rewrite.oid, true)
FROM relation JOIN pg_rewrite ON ev_class = relation.oid WHERE rulename <> '_RETURN'
UNION ALL
SELECT relation.table, 'policy ' || polname || ' on ' || name, coalesce(pg_get_expr(polqual, polrelid), '')
FROM relation JOIN pg_policy ON polrelid = relation.oid
UNION ALL
SELECT relation.table, 'row security on ' || name, '' FROM relation JOIN pg_class AS class ON class.oid = relation.oid
WHERE class.relrowsecurity OR class.relforcerowsecurity
UNION ALL
SELECT DISTINCT relation.table, 'constraint ' || conname || ' not enforced on ' || name, ''
FROM relation JOIN pg_trigger ON tgrelid = relation.oid JOIN pg_constraint ON pg_constraint.oid = tgconstraint
WHERE tgisinternal AND tgenabled <> 'O'
UNION ALL
SELECT relation.table, 'invalid index ' || indexrelid::regclass, '' FROM relation JOIN pg_index ON indrelid = relation.oid
WHERE of_month AND NOT (indisvalid AND indisready)
