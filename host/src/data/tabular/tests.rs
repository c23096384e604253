use super::super::table::Reading;
use super::*;
use approx::assert_abs_diff_eq;

fn tabular(text: &str, target: &str) -> Result<Tabular> {
    let how = Reading {
        text: vec![target],
        ..Reading::default()
    };
    Tabular::new(Table::parse(text.as_bytes(), &how)?, &[target.into()], None)
}

fn many(rows: usize, target: impl Fn(usize) -> String) -> String {
    let row = |i: usize| format!("{},{},{}\n", i as f64 * 0.5, i % 7, target(i));
    "a,b,y\n".to_string() + &(0..rows).map(row).collect::<String>()
}

#[test]
fn the_kind_of_target_is_found_out() {
    let classes =
        |target: &dyn Fn(usize) -> String| tabular(&many(60, target), "y").unwrap().classes();
    let three = classes(&|i| ["walk", "sit", "run"][i % 3].into()).unwrap();

    assert_eq!(
        three,
        [("run".into(), 20), ("sit".into(), 20), ("walk".into(), 20)]
    );

    let numbers: Vec<String> = classes(&|i| [10, 9, 2][i % 3].to_string())
        .unwrap()
        .into_iter()
        .map(|c| c.0)
        .collect();

    assert_eq!(numbers, ["2", "9", "10"]);
    assert!(
        classes(&|i| format!("{}", i as f64 * 0.1)).is_none(),
        "fractions are no classes"
    );
    assert!(
        classes(&|i| i.to_string()).is_none(),
        "sixty numbers in sixty rows are no classes"
    );
}

#[test]
fn many_whole_numbers_are_classes_if_all_are_frequent_and_else_a_number() {
    let kind = |rows: usize, target: &dyn Fn(usize) -> usize| {
        let data = tabular(&many(rows, |i| target(i).to_string()), "y").unwrap();
        (
            data.classes().map(|all| all.len()),
            data.target.doubt().is_some(),
        )
    };

    assert_eq!(kind(1797, &|i| i % 10), (Some(10), false), "digits");
    assert_eq!(kind(2000, &|i| i * i % 26), (Some(14), false));
    assert_eq!(kind(2000, &|i| 1 + i % 26), (Some(26), true), "letters");

    // Grades of wine from 3 to 9, most in the middle: few values, rare ones or not. One that
    // occurs once cannot be learned and tested.
    let grades = |i: usize| [3, 4, 9].get(i).copied();
    assert_eq!(
        kind(500, &|i| grades(i / 2).unwrap_or(5 + i % 4)),
        (Some(7), false),
        "grades"
    );
    assert_eq!(
        kind(500, &|i| grades(i).unwrap_or(5 + i % 4)),
        (None, true),
        "counts"
    );

    // Ages, with a few old people.
    assert_eq!(
        kind(2000, &|i| if i % 400 == 7 {
            60 + i / 400
        } else {
            20 + i % 30
        }),
        (None, true),
        "ages"
    );

    assert_eq!(
        kind(80, &|i| if i == 7 { 60 } else { i % 25 }),
        (None, true),
        "one row of a value"
    );

    // The 43 traffic signs of a known benchmark: the rarest has a sixth of the average.
    assert_eq!(
        kind(4300, &|i| if i % 600 == 0 { 42 } else { i % 42 }),
        (Some(43), true),
        "traffic signs"
    );
}

#[test]
fn targets_of_two_kinds_and_rare_numbers_are_refused_with_what_helps() {
    let table = || {
        Table::parse(
            "a,b,y\n1,2,u\n3,4,v\n".as_bytes(),
            &Reading {
                text: vec!["y"],
                ..Reading::default()
            },
        )
    };

    let refused = |names: &[&str], classify| {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        format!(
            "{:#}",
            Tabular::new(table().unwrap(), &names, classify).unwrap_err()
        )
    };

    let both = refused(&["a", "y"], None);
    assert!(
        both.contains("'y' holds text; give it as the only target"),
        "{both}"
    );
    assert!(refused(&["y"], Some(false)).contains("the target 'y' holds text"));
    assert!(refused(&["a", "a"], None).contains("'a' is named twice"));

    let how = Reading {
        text: vec!["y"],
        ..Reading::default()
    };
    let text = many(40, |i| if i == 7 { 29 } else { i % 3 }.to_string());
    let table = Table::parse(text.as_bytes(), &how).unwrap();
    let rare = Tabular::new(table, &["y".into()], Some(true)).unwrap();

    let refused = format!("{:#}", rare.split(0.2, None, 1).unwrap_err());
    assert!(
        refused.contains("class '29' has one row only") && refused.contains("say `regression`"),
        "{refused}"
    );
}

#[test]
fn parts_have_the_classes_in_the_same_shares_and_no_group_is_in_both() {
    let data = tabular(
        &many(100, |i| {
            if i % 10 == 0 {
                "rare".into()
            } else {
                "often".into()
            }
        }),
        "y",
    )
    .unwrap();

    let (train, test) = data.split(0.2, None, 3).unwrap();
    let mut all = [train.clone(), test.clone()].concat();
    all.sort_unstable();

    assert_eq!(all, (0..100).collect::<Vec<u32>>());
    assert_eq!(test.iter().filter(|&&i| i % 10 == 0).count(), 2);
    assert_eq!(test.len(), 20);
    assert_eq!(data.split(0.2, None, 3).unwrap(), (train, test.clone()));
    assert_ne!(data.split(0.2, None, 4).unwrap().1, test);

    let groups: Vec<String> = (0..100).map(|i| format!("person {}", i % 5)).collect();
    let (train, test) = data.split(0.4, Some(&groups), 3).unwrap();

    assert_eq!(test.len(), 40);

    assert!(test.iter().all(|&t| {
        !train
            .iter()
            .any(|&r| groups[r as usize] == groups[t as usize])
    }));
}

#[test]
fn standardisation_comes_from_the_training_rows_alone() {
    let data = tabular("a,b,y\n1,5,0.1\n3,5,0.7\n100,9,0.3\n", "y").unwrap();
    let (set, purpose, inputs) = data.dataset("t", &[0, 1], (&data, &[2])).unwrap();

    assert_eq!(inputs, [Standard::new(2.0, 1.0), Standard::new(5.0, 1.0)]);
    assert_eq!(
        (set.x, set.x_test),
        (vec![-1.0, 0.0, 1.0, 0.0], vec![98.0, 4.0])
    );

    let Purpose::Regression { scale, .. } = purpose else {
        panic!("no regression")
    };
    let Targets::Values { values, .. } = set.target_test else {
        panic!("no values")
    };

    assert_abs_diff_eq!(scale[0].undo(values[0]), 0.3, epsilon = 1e-15);
}

#[test]
fn impossible_data_is_refused_with_the_place() {
    let error = |r: Result<(Vec<u32>, Vec<u32>)>| format!("{:#}", r.unwrap_err());

    let once = tabular(
        &many(20, |i| if i == 7 { "odd".into() } else { "even".into() }),
        "y",
    )
    .unwrap();

    assert!(error(once.split(0.2, None, 1)).contains("class 'odd' has one row only (line 9)"));
    assert!(error(once.split(1.0, None, 1)).contains("less than 1"));

    let groups = vec!["one".to_string(); 20];
    assert!(error(once.split(0.2, Some(&groups), 1)).contains("one group only"));

    let same = tabular(&many(20, |_| "a".into()), "y").unwrap();
    let rows: Vec<u32> = (0..20).collect();

    assert!(
        format!(
            "{:#}",
            same.dataset("t", &rows, (&same, &rows)).unwrap_err()
        )
        .contains("nothing to learn")
    );

    let other = tabular(&many(20, |i| ["a", "b", "c"][i % 3].into()), "y").unwrap();
    let train: Vec<u32> = (0..20).filter(|i| i % 3 != 2).collect();
    let two = tabular(&many(20, |i| ["a", "b"][i % 2].into()), "y").unwrap();
    let refused = format!(
        "{:#}",
        two.dataset("t", &train, (&other, &rows)).unwrap_err()
    );

    assert!(
        refused.contains("line 4: the class 'c' is not one of a, b"),
        "{refused}"
    );
}

#[test]
fn a_column_that_single_precision_cannot_resolve_gets_a_round_offset() {
    let standard =
        |first: f64, step: f64| Standard::of((0..100).map(move |i| first + step * f64::from(i)));

    for (first, step, offset) in [
        (1.7e9, 1.0, 1.7e9),
        (1e9, 1e-5, 1e9),
        (-1.7e9, 0.5, -1.7e9),
        (9007199254740992.0, 2.0, 9007199254740992.0),
    ] {
        let s = standard(first, step);
        assert_eq!(s.offset, offset, "{first} in steps of {step}");
        let spread = s.input(first + 99.0 * step) - s.input(first);
        // A uniform column spans twice the square root of 3 standard deviations.
        assert!((spread - 3.43).abs() < 0.01, "{first}: {spread}");
        assert!((s.apply(first) - f64::from(s.input(first))).abs() < 1e-3);
    }

    // No number that single precision holds is near; then a round one of double precision is
    // taken.
    assert_eq!(standard(1_000_000_017.0, 1e-5).offset, 1_000_000_017.0);
    assert_eq!(standard(20.0, 0.1).offset, 0.0);

    assert_eq!(
        standard(1.7e9, 0.0),
        Standard::new(1.7e9, 1.0),
        "a constant column is taken as it is"
    );
}

#[test]
fn numbers_beyond_single_precision_are_refused_with_the_column_and_what_to_do() {
    let rows: Vec<u32> = (0..20).collect();

    let refused = |cell: &dyn Fn(usize) -> String, target: &str| {
        let line = |i: usize| format!("{},{},{}\n", cell(i), i % 7, ["u", "v"][i % 2]);
        let text = "k,b,y\n".to_string() + &(0..20).map(line).collect::<String>();
        let data = tabular(&text, target).unwrap();
        format!(
            "{:#}",
            data.dataset("t", &rows, (&data, &rows)).unwrap_err()
        )
    };

    let error = refused(&|i| format!("{i}e200"), "y");
    assert!(
        error.contains("column 'k' holds a number of the size 1.9e201")
            && error.contains("`ignore` k"),
        "{error}"
    );

    let error = refused(&|i| format!("{i}e-60"), "y");
    assert!(
        error.contains("column 'k' spreads by") && error.contains("smaller unit"),
        "{error}"
    );
}
