//! Properties of tags that no table of examples shows.

use std::collections::BTreeSet;

use homeport_image_ref::{Policy, Reference, Tag, Verdict, change, judge, newest, sort_newest_first};
use proptest::prelude::*;

/// Tags as registries have them, and some that only look so.
fn tag() -> impl Strategy<Value = String> {
    let number = || prop_oneof![0..4_u64, 0..40_u64, Just(2024), Just(20_240_722)];
    let numbers = prop::collection::vec(number().prop_map(|number| number.to_string()), 1..6);
    let prefix = prop_oneof![5 => Just(""), 2 => Just("v"), 1 => Just("version-"), 1 => Just("bookworm-")];
    let part = prop_oneof![
        Just("-alpine".to_owned()),
        Just("-alpine3.18".to_owned()),
        Just("-alpine3.19".to_owned()),
        Just("-slim".to_owned()),
        Just("-8adcd0b4".to_owned()),
        Just("-20240801".to_owned()),
        (0..12_u64).prop_map(|n| format!("-rc{n}")),
        (0..12_u64).prop_map(|n| format!("-beta.{n}")),
        (0..12_u64).prop_map(|n| format!("-ls{n}")),
        (0..12_u64).prop_map(|n| format!("-{n}")),
    ];
    let version = (prefix, numbers, prop::collection::vec(part, 0..3))
        .prop_map(|(prefix, numbers, parts)| format!("{prefix}{}{}", numbers.join("."), parts.concat()));
    prop_oneof![9 => version, 1 => "[a-z0-9][a-zA-Z0-9_.-]{0,20}"]
}

fn tags() -> impl Strategy<Value = Vec<Tag>> {
    prop::collection::vec(tag().prop_map(|text| Tag::parse(&text)), 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_has_a_reading(text in ".{0,150}") {
        let tag = Tag::parse(&text);
        prop_assert_eq!(tag.as_str(), text);
    }

    #[test]
    fn s6_3_the_order_is_total(a in tag(), b in tag(), c in tag()) {
        let parse = |text: &str| Tag::parse(text).version().cloned();
        if let (Some(a), Some(b), Some(c)) = (parse(&a), parse(&b), parse(&c)) {
            prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
            prop_assert_eq!(a.cmp(&b).is_eq(), a == b);
            prop_assert!(!(a <= b && b <= c) || a <= c, "not transitive: {} {} {}", a, b, c);
        }
    }

    #[test]
    fn s6_6_a_candidate_is_newer_and_of_the_same_kind(current in tag(), tags in tags()) {
        let current = Tag::parse(&current);
        if let Some(found) = newest(&current, &tags, &Policy::default()) {
            prop_assert_eq!(found.kind(), current.kind());
            prop_assert_eq!(found.prefix(), current.prefix());
            // A variant changes only by the numbers of a distribution that it names, wherever they stand in it.
            let letters = |tag: &Tag| tag.variant().replace(|c: char| c.is_ascii_digit() || c == '.' || c == '-', "");
            prop_assert_eq!(letters(found), letters(&current));
            prop_assert!(found.variant() == current.variant() || current.variant().contains("alpine"));
            if let (Some(from), Some(to)) = (current.version(), found.version()) {
                prop_assert!(to.cmp_value(from).is_gt());
                prop_assert_eq!(to.stated(), from.stated());
                prop_assert!(!to.is_pre_release() || from.is_pre_release());
                prop_assert!(change(&current, found) != homeport_image_ref::Change::Downgrade);
            }
        }
    }

    #[test]
    fn nothing_admissible_is_newer_than_the_candidate(current in tag(), tags in tags()) {
        let current = Tag::parse(&current);
        if let Some(found) = newest(&current, &tags, &Policy::default()) {
            prop_assert!(newest(found, &tags, &Policy::default()).is_none_or(|next| next.variant() != current.variant()
                || found.variant() != current.variant()));
        }
    }

    #[test]
    fn one_tag_at_most_is_offered_and_it_is_the_newest(current in tag(), tags in tags()) {
        let current = Tag::parse(&current);
        let judged = judge(&current, &tags, &Policy::default());
        prop_assert_eq!(judged.len(), tags.len());
        let offered: BTreeSet<_> =
            judged.iter().filter(|(_, verdict)| *verdict == Verdict::Offered).map(|(tag, _)| tag.as_str()).collect();
        let newest = newest(&current, &tags, &Policy::default()).map(Tag::as_str);
        prop_assert_eq!(offered.into_iter().collect::<Vec<_>>(), Vec::from_iter(newest));
    }

    #[test]
    fn what_is_shown_has_one_order(tags in tags()) {
        let sorted = |mut tags: Vec<Tag>| {
            sort_newest_first(&mut tags);
            tags.iter().map(Tag::to_string).collect::<Vec<_>>()
        };
        let reversed = tags.iter().rev().cloned().collect();
        prop_assert_eq!(sorted(tags), sorted(reversed));
    }

    #[test]
    fn the_order_of_the_list_does_not_matter(current in tag(), tags in tags()) {
        let current = Tag::parse(&current);
        let reversed: Vec<_> = tags.iter().rev().cloned().collect();
        let (one, other) = (newest(&current, &tags, &Policy::default()), newest(&current, &reversed, &Policy::default()));
        prop_assert_eq!(one.map(Tag::as_str), other.map(Tag::as_str));
    }

    #[test]
    fn a_reference_means_what_it_prints(text in "([a-z0-9.]{1,8}(:[0-9]{1,4})?/)?[a-z0-9._/-]{1,12}(:[a-z0-9.]{1,6})?") {
        if let Ok(reference) = text.parse::<Reference>() {
            prop_assert_eq!(&reference.to_string().parse::<Reference>().unwrap(), &reference);
            prop_assert_eq!(&reference.familiar().parse::<Reference>().unwrap(), &reference);
        }
    }
}
