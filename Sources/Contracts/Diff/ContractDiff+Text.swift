// What a text may be: length, pattern, values, identifier, code list.
import Model

extension ContractDiff {
    mutating func compareText(_ was: TextRule, _ isNow: TextRule, at path: String) {
        // Nothing is shorter than one scalar: an empty text is an absent one.
        compareBound("minLength", was.minimumLength, isNow.minimumLength, isLower: true, at: path)
        compareBound("maxLength", was.maximumLength, isNow.maximumLength, isLower: false, at: path)
        comparePattern(was.pattern, isNow.pattern, at: path)
        compareValues(was.values, isNow.values, at: path)
        compareIdentifier(was.identifier, isNow.identifier, at: path)
        compareCodeList(was, isNow, at: path)
    }

    private mutating func comparePattern(_ was: String?, _ isNow: String?, at path: String) {
        guard was != isNow else { return }
        switch (was, isNow) {
        case (nil, let isNow?):
            add(
                .breaking, .field(path),
                "any text was taken, the pattern is now \(isNow): others are refused as wrong-format")
        case (let was?, nil):
            add(.dangerous, .field(path), "the pattern was \(was), is gone: readers may meet any text")
        case (let was?, let isNow?): compareLanguages(was, isNow, at: path)
        case (nil, nil): break
        }
    }

    private mutating func compareValues(_ was: [String]?, _ isNow: [String]?, at path: String) {
        let removed = (was ?? []).filter { !(isNow ?? []).contains($0) }
        let added = (isNow ?? []).filter { !(was ?? []).contains($0) }
        switch (was, isNow) {
        case (nil, nil): break
        case (nil, _):
            add(
                .breaking, .field(path),
                "any text was taken, only \(added.joined(separator: ", ")) now: others are refused as not-in-list")
        case (_, nil):
            add(
                .dangerous, .field(path),
                "only \(removed.joined(separator: ", ")) were taken, any text is now: readers may meet values without "
                    + "a meaning to them")
        case (_?, _?):
            if !removed.isEmpty {
                add(
                    .breaking, .field(path),
                    "no longer among the values: \(removed.joined(separator: ", ")): records with them are refused as "
                        + "not-in-list")
            }
            if !added.isEmpty {
                add(
                    .dangerous, .field(path),
                    "new among the values: \(added.joined(separator: ", ")): readers may not know their meaning")
            }
        }
    }

    private mutating func compareIdentifier(_ was: IdentifierKind?, _ isNow: IdentifierKind?, at path: String) {
        guard was != isNow else { return }
        switch (was, isNow) {
        case (nil, let isNow?):
            add(
                .breaking, .field(path),
                "the identifier is now \(isNow.rawValue), was none: texts that are none are refused as "
                    + "invalid-identifier")
        case (let was?, nil):
            add(.dangerous, .field(path), "the identifier was \(was.rawValue), is none now: readers may meet any text")
        case (let was?, let isNow?):
            let words = "the identifier was \(was.rawValue), is now \(isNow.rawValue)"
            if was.isPart(of: isNow) {
                add(.dangerous, .field(path), "\(words): readers may meet forms that they never met")
            } else {
                add(
                    .breaking, .field(path), "\(words): identifiers of the older kind are refused as invalid-identifier"
                )
            }
        case (nil, nil): break
        }
    }

    private mutating func compareCodeList(_ was: TextRule, _ isNow: TextRule, at path: String) {
        let refused = "records with other codes are refused as not-in-list"
        switch (was.codeList, isNow.codeList) {
        case (nil, nil): return
        case (nil, let list?):
            add(.breaking, .field(path), "the code list is now \(list.rawValue), was none: \(refused)")
        case (let list?, nil):
            add(
                .dangerous, .field(path),
                "the code list was \(list.rawValue), is none now: readers may meet codes that nobody knows")
        case (let before?, let after?) where before != after:
            let words = "the code list was \(before.rawValue), is now \(after.rawValue)"
            if before == .province, after == .provinceOfAnyTime {
                add(.dangerous, .field(path), "\(words): readers may meet codes of another time")
            } else {
                add(.breaking, .field(path), "\(words): \(refused)")
            }
        case (let list?, _):
            compareDateField(of: list, was.codeListDateField, isNow.codeListDateField, at: path)
        }
    }

    private mutating func compareDateField(
        of list: CodeListKind, _ was: String?, _ isNow: String?, at path: String
    ) {
        guard was != isNow else { return }
        let words = "codes were judged at \(was ?? "today"), are now at \(isNow ?? "today")"
        if list == .commune, was == nil {
            // A commune of an earlier day passes by its shape alone, so a date only lets more pass.
            add(.dangerous, .field(path), "\(words): readers may meet communes of another time")
        } else if was == nil, let isNow, isNewField(sibling(of: path, named: isNow)) {
            // No older record has the date: its codes are judged at today as before.
            add(.dangerous, .field(path), "\(words): readers may meet codes of another time")
        } else {
            add(.breaking, .field(path), "\(words): codes of the other time are refused as not-in-list")
        }
    }
}

/// The path of a field beside another one.
private func sibling(of path: String, named name: String) -> String {
    guard let dot = path.lastIndex(of: ".") else { return name }
    return path[...dot] + name
}

extension IdentifierKind {
    /// Whether every identifier of this kind is one of the other, by the other's definition.
    func isPart(of other: IdentifierKind) -> Bool {
        self == other || (self == .taxCode && other == .enterpriseCode)
    }
}
