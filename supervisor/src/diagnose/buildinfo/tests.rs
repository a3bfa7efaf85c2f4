//! Binaries made by hand: only the bytes that are read.

use super::*;

const MODULES: &str = "path\tcode.cloudfoundry.org/gorouter\nmod\tcode.cloudfoundry.org/gorouter\t(devel)\t\ndep\tgithub.com/urfave/negroni\tv1.0.0\th1:x=\nbuild\tvcs.revision=93e8cb70\n";

fn modules() -> Vec<u8> {
    [&[7; 16][..], MODULES.as_bytes(), &[9; 16]].concat()
}

/// A header of 32 bytes: the magic, the size of pointers, flags, then `rest`.
fn header(pointer: u8, flags: u8, rest: &[u8]) -> Vec<u8> {
    let mut header = [MAGIC, &[pointer, flags], rest].concat();
    header.resize(HEADER.max(header.len()), 0);
    header
}

fn varint(length: usize) -> Vec<u8> {
    if length < 0x80 {
        vec![length as u8]
    } else {
        vec![length as u8 | 0x80, (length >> 7) as u8]
    }
}

fn inline(go: &str) -> Vec<u8> {
    let modules = modules();
    [
        header(8, 2, b""),
        varint(go.len()),
        go.into(),
        varint(modules.len()),
        modules,
    ]
    .concat()
}

/// An ELF file with one segment, whose memory begins at `BASE`: info at 0x100, headers of strings at 0x200, text at 0x300.
fn elf(wide: bool, big: bool) -> Vec<u8> {
    const BASE: u64 = 0x40_0000;
    let size = if wide { 8 } else { 4 };
    let bytes = |value: u64, size: usize| {
        let little = value.to_le_bytes()[..size].to_vec();
        if big {
            little.into_iter().rev().collect()
        } else {
            little
        }
    };
    let mut file = vec![0; 0x600];
    let mut put = |at: usize, bytes: Vec<u8>| file[at..at + bytes.len()].copy_from_slice(&bytes);
    put(
        0,
        vec![0x7f, b'E', b'L', b'F', 1 + u8::from(wide), 1 + u8::from(big)],
    );
    let (table, entry, count) = if wide { (32, 54, 56) } else { (28, 42, 44) };
    put(table, bytes(0x40, size));
    put(entry, bytes(if wide { 56 } else { 32 }, 2));
    put(count, bytes(1, 2));
    put(0x40, bytes(1, 4));
    let (offset, address, length) = if wide { (8, 16, 32) } else { (4, 8, 16) };
    put(0x40 + offset, bytes(0, size));
    put(0x40 + address, bytes(BASE, size));
    put(0x40 + length, bytes(0x600, size));
    let pointers = [bytes(BASE + 0x200, size), bytes(BASE + 0x220, size)].concat();
    put(0x100, header(size as u8, u8::from(big), &pointers));
    let go = b"go1.17.13".to_vec();
    let modules = modules();
    put(
        0x200,
        [bytes(BASE + 0x300, size), bytes(go.len() as u64, size)].concat(),
    );
    put(
        0x220,
        [bytes(BASE + 0x340, size), bytes(modules.len() as u64, size)].concat(),
    );
    put(0x300, go);
    put(0x340, modules);
    file
}

fn info(binary: &[u8]) -> Option<BuildInfo> {
    read(&binary).unwrap()
}

#[test]
fn strings_behind_the_header() {
    let info = info(&[&[0; 640][..], &inline("go1.21.13"), &[0; 40]].concat()).unwrap();
    assert_eq!(info.go, "go1.21.13");
    assert_eq!(info.path.as_deref(), Some("code.cloudfoundry.org/gorouter"));
    assert_eq!(
        info.module,
        Some(("code.cloudfoundry.org/gorouter".to_owned(), "(devel)".to_owned()))
    );
    assert_eq!(
        info.dependencies,
        [("github.com/urfave/negroni".to_owned(), "v1.0.0".to_owned())]
    );
    assert_eq!(
        info.settings,
        [("vcs.revision".to_owned(), "93e8cb70".to_owned())]
    );
}

#[test]
fn strings_behind_pointers() {
    for (wide, big) in [(true, false), (true, true), (false, false), (false, true)] {
        let info = info(&elf(wide, big)).unwrap();
        assert_eq!(info.go, "go1.17.13", "wide {wide} big {big}");
        assert_eq!(info.path.as_deref(), Some("code.cloudfoundry.org/gorouter"));
    }
}

#[test]
fn the_magic_as_a_constant_of_the_program_is_passed_over() {
    let constant = [MAGIC, b"\x08\x02not a build info at all, only words"].concat();
    let binary = [&constant[..], &inline("go1.22.1")].concat();
    assert_eq!(info(&binary).unwrap().go, "go1.22.1");
    // Across the border of two chunks.
    let binary = [&vec![0; CHUNK - 5][..], &inline("go1.22.1")].concat();
    assert_eq!(info(&binary).unwrap().go, "go1.22.1");
}

#[test]
fn what_is_cut_or_no_go_program_is_none_or_less_and_no_panic() {
    assert_eq!(info(b""), None);
    assert_eq!(info(b"#!/bin/sh\necho go1.21\n"), None);
    for whole in [inline("go1.21.13"), elf(true, false), elf(false, true)] {
        for end in 0..whole.len() {
            info(&whole[..end]);
        }
        for at in 0..whole.len().min(0x260) {
            let mut damaged = whole.clone();
            damaged[at] ^= 0xff;
            info(&damaged);
        }
    }
    let cut = inline("go1.21.13");
    let info = info(&cut[..cut.len() - 20]).unwrap();
    assert_eq!((info.go.as_str(), info.path), ("go1.21.13", None));
}
