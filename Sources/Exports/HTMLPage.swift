// The shell of every page that the product writes: one file that asks nothing of the network, light, printable and
// readable on a telephone.
import Mustache

package enum HTMLPage {
    /// A whole page in Vietnamese and English.
    /// - Parameters:
    ///   - title: as text; it is escaped here.
    ///   - body: as HTML; whoever made it escaped what comes from contracts or records (`HTMLTemplate`, `escaped`).
    package static func page(title: String, body: String) -> String {
        template.render(Content(title: title, style: style, body: body))
    }

    /// Text as HTML, safe between tags and within a quoted attribute. By Unicode scalar: a quotation mark that a
    /// combining mark follows is one `Character`, and would slip through a search for `"` among characters.
    package static func escaped(_ text: String) -> String {
        var result = ""
        result.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private struct Content {
        let title: String
        let style: String
        let body: String
    }

    /// The policy lets a browser refuse whatever would be loaded or run, should text ever come through as markup.
    private static let template = HTMLTemplate(
        """
        <!DOCTYPE html>
        <html lang="vi">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
        <title>{{title}}</title>
        <style>
        {{{style}}}
        </style>
        </head>
        <body>
        {{{body}}}
        </body>
        </html>

        """)

    /// `.en` is the English beside or under the Vietnamese; `.wide` lets a wide table scroll within itself; a table of
    /// class `.stack` becomes a list of cards on a narrow screen, each cell named by its `data-label`.
    private static let style = """
        :root { color-scheme: light; --ink: #1c2430; --quiet: #5a6675; --line: #d8dee6; --tint: #f3f6f9;
          --accent: #0b5c6b; --good: #1d6b3a; --bad: #9c2b1f; }
        * { box-sizing: border-box; }
        html { scroll-behavior: smooth; }
        body { margin: 0 auto; padding: 1.5rem clamp(1rem, 4vw, 2.5rem) 4rem; max-width: 78rem; color: var(--ink);
          background: #fff;
          font: 1rem/1.55 system-ui, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", Arial, sans-serif; }
        h1 { font-size: 1.7rem; line-height: 1.25; margin: .4rem 0 .2rem; overflow-wrap: anywhere; }
        h2 { font-size: 1.25rem; line-height: 1.3; margin: 2.4rem 0 .6rem; padding-top: .6rem;
          border-top: 2px solid var(--accent); }
        h3 { font-size: 1.05rem; margin: 1.6rem 0 .4rem; }
        p { margin: .35rem 0; max-width: 62rem; }
        a { color: var(--accent); }
        code, pre { font-family: ui-monospace, "Cascadia Mono", Menlo, Consolas, "Noto Sans Mono", monospace;
          font-size: .88em; }
        code { overflow-wrap: anywhere; } th code { overflow-wrap: break-word; }
        pre { background: var(--tint); border: 1px solid var(--line); border-radius: 6px; padding: .7rem .9rem;
          overflow-x: auto; margin: .5rem 0; line-height: 1.45; }
        .en { color: var(--quiet); font-size: .93em; }
        .small { color: var(--quiet); font-size: .88em; }
        nav { font-size: .95em; margin: 0 0 1rem; }
        nav a { margin-right: 1rem; display: inline-block; }
        table { border-collapse: collapse; width: 100%; margin: .6rem 0 1rem; font-size: .94em; }
        th, td { text-align: left; vertical-align: top; padding: .45rem .6rem; border-bottom: 1px solid var(--line); }
        thead th { background: var(--tint); border-bottom: 2px solid var(--line); }
        tbody th { font-weight: 600; }
        td p { margin: 0 0 .2rem; }
        table.facts th { width: 15rem; font-weight: 600; }
        .number { text-align: right; font-variant-numeric: tabular-nums; }
        .wide { overflow-x: auto; }
        .tag { display: inline-block; padding: .05rem .5rem; border-radius: 1rem; background: var(--tint);
          border: 1px solid var(--line); font-size: .85em; white-space: nowrap; }
        .good { color: var(--good); } .bad { color: var(--bad); }
        .key { color: var(--accent); font-weight: 600; }
        details { border: 1px solid var(--line); border-radius: 6px; margin: .45rem 0; padding: .45rem .8rem; }
        summary { cursor: pointer; }
        ul { padding-left: 1.2rem; margin: .4rem 0; } li { margin: .25rem 0; }
        @media (max-width: 44rem) {
          table.stack thead { display: none; }
          table.stack, table.stack tbody, table.stack tr, table.stack th, table.stack td { display: block;
            width: 100%; }
          table.stack tr { border: 1px solid var(--line); border-radius: 6px; margin: .7rem 0; padding: .35rem .2rem; }
          table.stack th, table.stack td { border: 0; padding: .22rem .7rem; }
          table.stack td:empty { display: none; }
          table.stack td[data-label]::before { content: attr(data-label); display: block; color: var(--quiet);
            font-size: .8em; }
          table.stack .number { text-align: left; }
        }
        @media print {
          body { max-width: none; padding: 0; font-size: 10pt; }
          nav { display: none; }
          a { color: inherit; text-decoration: none; }
          h2, h3 { break-after: avoid; } tr, details, pre { break-inside: avoid; }
          pre { white-space: pre-wrap; overflow-wrap: anywhere; }
          thead { display: table-header-group; }
        }
        """
}
