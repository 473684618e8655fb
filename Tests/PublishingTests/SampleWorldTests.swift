import Foundation
import Testing

@testable import Publishing

@Suite struct SampleWorldTests {
    @Test("the five feeds share out all records, half of them citizens", arguments: [1, 10, 99, 20_000, 1_000_003])
    func shares(records: Int) {
        let counts = SampleCounts(records: records)
        let total = counts.citizens + counts.organizations + counts.enterprises + counts.cards + counts.posts
        #expect(total == records)
        #expect(counts.citizens * 2 >= records)
        #expect(counts.participants <= counts.citizens && counts.employees <= counts.citizens)
    }

    @Test("no two people share a number; its parts are an old province, century and sex, and the year")
    func personalNumbers() throws {
        let world = try SampleWorld.forTest(records: 10_000)
        let people = (0..<6_000).map { world.person($0) }
        #expect(Set(people.map(\.number)).count == people.count)
        var yearDiffers = 0
        var sexDiffers = 0
        for person in people {
            let digits = person.number.compactMap(\.wholeNumberValue)
            try #require(digits.count == 12)
            #expect(oldProvinces.contains(String(person.number.dropFirst().prefix(2))) && digits[0] == 0)
            let year = 1900 + 100 * (digits[3] / 2) + digits[4] * 10 + digits[5]
            let isMale = digits[3] % 2 == 0
            #expect((year != person.birth.year) == person.numberYearDiffers)
            #expect((isMale != person.isMale) == person.numberSexDiffers)
            yearDiffers += year != person.birth.year ? 1 : 0
            sexDiffers += isMale != person.isMale ? 1 : 0
        }
        #expect((5...60).contains(yearDiffers) && (2...40).contains(sexDiffers))
    }

    @Test("people have the ages of a people, and live in a commune of their province")
    func people() throws {
        let world = try SampleWorld.forTest(records: 10_000)
        let people = (0..<5_000).map { world.person($0) }
        let children = people.count { $0.age < 15 }
        let elders = people.count { $0.age >= 65 }
        #expect((1_000...1_400).contains(children) && (250...600).contains(elders))
        #expect((2_200...2_800).contains(people.count { $0.isMale }))
        for person in people {
            #expect(world.places.provinces[person.home].communes.contains { $0.code == person.commune.code })
            #expect(person.birth < world.today)
            if let death = person.deathDate { #expect(person.birth <= death && death <= world.today) }
        }
        #expect(people.contains { !$0.name.full.unicodeScalars.elementsEqual($0.name.full.precomposed.unicodeScalars) })
    }

    @Test("the 63 older provinces became today's 34")
    func provinces() throws {
        let places = try SampleGenerator.testPlaces.get()
        #expect(places.provinces.count == 34)
        #expect(places.oldByToday.flatMap { $0 }.map(\.code).sorted() == oldProvinces.sorted())
        #expect(places.provinces.allSatisfy { SamplePlaces.licenceAbbreviations[$0.code] != nil })
    }

    @Test("codes of firms are unique, with right check digits; branches carry their parent's")
    func enterpriseCodes() throws {
        let world = try SampleWorld.forTest(records: 40_000)
        let firms = (0..<world.counts.enterprises).map { world.enterprise($0) }
        #expect(Set(firms.map(\.code)).count == firms.count)
        for firm in firms {
            switch firm.type {
            case .household:
                #expect(firm.code.count == 12 && firm.code.allSatisfy(\.isWholeNumber))
            case .enterprise, .cooperative:
                #expect(firm.code.count == 10 && isTaxCode(firm.code))
            case .branch, .representativeOffice, .businessLocation:
                let parent = try #require(firm.parent)
                #expect(
                    firm.code.count == 14 && firm.code.dropLast(4) == firms[parent].code
                        && firms[parent].type == .enterprise)
            }
        }
        #expect(!isTaxCode(SampleEnterprise.breakingCheckDigit(of: firms[0].code)))
        #expect(isTaxCode("0300588569") && isTaxCode("0101248141"))  // codes in public use
    }

    @Test("codes of organisations are unique, and firms among them are those of the enterprise database")
    func organizations() throws {
        let world = try SampleWorld.forTest(records: 40_000)
        let all = (0..<world.counts.organizations).map { world.organization($0) }
        #expect(Set(all.map(\.code)).count == all.count)
        let firms = Set((0..<world.counts.enterprises).map { world.enterprise($0).code })
        for organization in all {
            switch organization.kind {
            case .enterprise, .cooperative: #expect(firms.contains(organization.code))
            case .agency, .publicUnit, .association, .other:
                #expect(organization.code.wholeMatch(of: /[A-Z][0-9]{2}(\.[0-9]+)+/) != nil)
            }
        }
    }

    @Test("one row in a hundred is faulty and one in a thousand secret, the first never, no row both")
    func marks() {
        let marks = SampleMarks(seed: 5, feedOrdinal: 2, rows: 20_000)
        let faulty = (0..<20_000).filter { marks.faultTurn($0) != nil }
        let secret = (0..<20_000).filter(marks.isSecret)
        #expect(secret.count == 20 && faulty.count >= 180 && faulty.count <= 200)
        #expect(Set(faulty).isDisjoint(with: secret) && !faulty.contains(0) && !secret.contains(0))
    }

    @Test("numbers out of range are refused", arguments: [0, -1, SampleGenerator.recordsMax + 1])
    func bounds(records: Int) throws {
        #expect(throws: (any Error).self) { try SampleGenerator.forTest(records: records) }
        #expect(throws: Never.self) { try SampleGenerator.forTest(records: SampleGenerator.recordsMax) }
    }
}

/// The 63 provinces before 2025-07-01, written down again so that the sample's own table can be wrong.
private let oldProvinces =
    """
    01 02 04 06 08 10 11 12 14 15 17 19 20 22 24 25 26 27 30 31 33 34 35 36 37 38 40 42 44 45 46 48 49 51 52 54 56 58 60 62 64 \
    66 67 68 70 72 74 75 77 79 80 82 83 84 86 87 89 91 92 93 94 95 96
    """.split(separator: " ").map(String.init)

/// The check digit by another way than the generator's: with the tenth digit counted once, the weighted sum plus it leaves
/// 10 modulo 11.
private func isTaxCode(_ code: String) -> Bool {
    let digits = code.compactMap(\.wholeNumberValue)
    guard digits.count == 10 else { return false }
    let weighted = [31, 29, 23, 19, 17, 13, 7, 5, 3].enumerated().reduce(0) { $0 + $1.element * digits[$1.offset] }
    return (weighted + digits[9]) % 11 == 10
}

extension String {
    fileprivate var precomposed: String { precomposedStringWithCanonicalMapping }
}
