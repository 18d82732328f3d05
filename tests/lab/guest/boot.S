/* Start-up of every vCPU of the walker: multiboot for the first, INIT-SIPI for the others. */
#define TRAMPOLINE 0x8000
#define STACK_BYTES 4096
#define MAXIMUM_VCPUS 64

	.section .multiboot, "a"
	.align 4
	.long 0x1badb002		/* magic */
	.long 0x00000002		/* flags: tell the memory's size */
	.long -(0x1badb002 + 0x00000002)

	.text
	.code32
	.globl _start
_start:
	cli
	movl $(stacks + STACK_BYTES), %esp
	pushl %ebx			/* multiboot information */
	pushl %eax			/* multiboot magic */
	lgdt gdt_pointer
	ljmp $8, $1f
1:	call load_segments
	call walker_main
	jmp halt

load_segments:
	movw $16, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %fs
	movw %ax, %gs
	movw %ax, %ss
	ret

	/* In protected mode, flat; the local APIC's id chooses the stack. */
secondary_start:
	movw $16, %ax
	movw %ax, %ds
	movl 0xfee00020, %eax
	shrl $24, %eax
	cmpl $MAXIMUM_VCPUS, %eax
	jae halt
	movl %eax, %ebx
	incl %eax
	imull $STACK_BYTES, %eax
	movw $16, %cx
	movw %cx, %ss
	leal stacks(%eax), %esp
	call load_segments
	pushl %ebx
	call walker_secondary
halt:
	cli
	hlt
	jmp halt

	.globl interrupt_entry
interrupt_entry:
	pushl %eax
	movl $0, 0xfee000b0		/* end of interrupt */
	popl %eax
	iret

	.globl exception_entry
exception_entry:
	cli
	pushl %esp
	call walker_exception
	jmp halt

	/* Copied to TRAMPOLINE, where the other vCPUs start in real mode. */
	.globl trampoline, trampoline_end
	.code16
trampoline:
	cli
	xorw %ax, %ax
	movw %ax, %ds
	lgdtl TRAMPOLINE + trampoline_gdt - trampoline
	movl %cr0, %eax
	orb $1, %al
	movl %eax, %cr0
	ljmpl $8, $secondary_start
trampoline_gdt:
	.word gdt_end - gdt - 1
	.long gdt
trampoline_end:

	.data
	.align 8
gdt:	.quad 0
	.quad 0x00cf9a000000ffff	/* 8: code */
	.quad 0x00cf92000000ffff	/* 16: data */
gdt_end:
gdt_pointer:
	.word gdt_end - gdt - 1
	.long gdt

	.bss
	.align 16
stacks:	.skip STACK_BYTES * MAXIMUM_VCPUS
	.section .note.GNU-stack, "", @progbits
